//! What shows in no status is found by the errands that use the pages, and said in words that the page's owner
//! understands: one fault of the demo company after the other.

use unbroken::config::Plan;
use unbroken::model::{Fault, Reading};

use super::Visit;
use super::walk::{plan_with, walk};

/// The errand's way, with the company as it is now.
async fn go(plan: &Plan, errand: &str) -> Reading {
    let mut plan = plan.clone();
    plan.errands.retain(|other| other.id.to_string() == errand);
    walk(&plan).await.remove(0)
}

/// All that the errand has to say.
fn told(reading: &Reading) -> Vec<&Fault> {
    let steps = reading.outcome.steps.iter();
    let findings = steps.flat_map(|step| step.findings.iter().map(|finding| &finding.fault).chain(&step.fault));
    findings.chain(reading.outcome.samples.iter().filter_map(|sample| sample.fault.as_ref())).collect()
}

/// Breaks it, and wants it to be told; mends it, and wants nothing to be told.
async fn is_found(touchpoint: &str, fault: &str, errand: &str, words: &str) {
    let visit = Visit::new().await;
    let plan = plan_with(visit.company.environment().clone());
    visit.break_(touchpoint, fault);
    let reading = go(&plan, errand).await;
    let found = told(&reading);
    assert!(found.iter().any(|fault| fault.text.contains(words)), "{fault} is not told as `{words}`: {found:?}");
    visit.mend();
    let reading = go(&plan, errand).await;
    let left = told(&reading);
    assert!(!left.iter().any(|fault| fault.text.contains(words)), "{fault} is mended: {left:?}");
    visit.company.shutdown().await;
}

#[tokio::test]
async fn a_script_that_stops_is_a_button_that_does_nothing() {
    let words = "“Order with obligation to pay” does nothing when it is pressed, not even the second time";
    is_found("shop", "script-error", "shop/order-on-a-phone", words).await;
}

#[tokio::test]
async fn a_script_that_comes_late_is_a_button_that_is_pressed_in_vain() {
    is_found("shop", "late-hydration", "shop/order-on-a-phone", "it is shown before it is ready").await;
}

#[tokio::test]
async fn a_banner_over_what_is_needed_is_named() {
    is_found("shop", "covered-button", "shop/order-on-a-phone", "is covered by region “Cookies”").await;
}

#[tokio::test]
async fn a_page_made_for_larger_screens_is_told_on_a_phone() {
    is_found("shop", "phone-layout", "shop/order-on-a-phone", "lies beside the screen").await;
}

#[tokio::test]
async fn a_page_that_jumps_is_told() {
    is_found("shop", "layout-shift", "shop/order-on-a-phone", "it jumps about while it is used").await;
}

#[tokio::test]
async fn a_picture_that_is_gone_is_told() {
    is_found("shop", "no-picture", "shop/order-on-a-desktop", "/pictures/products/").await;
}

#[tokio::test]
async fn a_link_that_leads_nowhere_is_told() {
    is_found("shop", "dead-link", "shop/links", "/legal/terms-2024 answers 404").await;
}

#[tokio::test]
async fn somebody_elses_script_that_keeps_the_page_white_is_told() {
    is_found("shop", "slow-third-party", "shop/order-on-a-phone", "it shows nothing for ").await;
}

#[tokio::test]
async fn a_sign_in_that_does_nothing_is_told() {
    is_found("billing", "script-error", "billing/account", "“Sign in” does nothing when it is pressed").await;
}

#[tokio::test]
async fn a_question_that_goes_nowhere_is_told() {
    is_found("chat", "script-error", "chat/window", "“Ask” does nothing when it is pressed").await;
}

#[tokio::test]
async fn a_frame_of_somebody_elses_is_looked_into() {
    is_found("chat", "script-error", "shop/help", "“Ask” does nothing when it is pressed").await;
}

/// What is fine on a desktop and dead on a phone.
#[tokio::test]
async fn what_is_wrong_on_phones_only_is_told_of_phones_only() {
    let visit = Visit::new().await;
    let plan = plan_with(visit.company.environment().clone());
    for fault in ["covered-button", "phone-layout"] {
        visit.break_("shop", fault);
        for (errand, verdict) in [("shop/order-on-a-phone", "failed"), ("shop/order-on-a-desktop", "good")] {
            let reading = go(&plan, errand).await;
            let label = reading.outcome.verdict.label();
            assert_eq!(label.replace("slow", "good"), verdict, "{fault} {errand}: {:?}", reading.outcome.verdict);
        }
        visit.mend();
    }
    visit.company.shutdown().await;
}
