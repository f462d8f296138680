//! Breaking and mending, from another terminal and from the control page.

use unbroken::demo::control;

use super::Visit;

#[tokio::test]
async fn another_terminal_breaks_and_mends() {
    let visit = Visit::new().await;
    let address = control::address(visit.data.path()).unwrap();
    assert_eq!(address, visit.company.control());
    assert_eq!(control::environment(visit.data.path()).unwrap(), *visit.company.environment());

    assert_eq!(control::faults(&address).await.unwrap(), visit.company.faults());
    let broken = control::break_(&address, "billing", None).await.unwrap();
    assert_eq!((broken.fault.as_str(), broken.on), ("broken", true));
    assert_eq!(
        visit.company.faults().into_iter().filter(|switch| switch.on).collect::<Vec<_>>(),
        std::slice::from_ref(&broken)
    );
    let expired = control::break_(&address, "billing", Some("expired-certificate")).await.unwrap();
    assert_eq!(control::mend(&address, None).await.unwrap()[0].fault, expired.fault);
    let unknown = control::break_(&address, "../phone", None).await.unwrap_err().to_string();
    assert!(unknown.contains("has no touchpoint `../phone`"), "{unknown}");

    visit.company.shutdown().await;
    assert!(matches!(control::address(visit.data.path()), Err(control::Unheard::NotRunning(_))));
    assert!(matches!(control::faults(&address).await, Err(control::Unheard::Unreachable(..))));
}

#[tokio::test]
async fn the_control_page_works_without_script_and_for_itself_only() {
    let visit = Visit::new().await;
    let control = visit.company.control().to_owned();
    let page = visit.browser.get(&control).send().await.unwrap().text().await.unwrap();
    for switch in visit.company.faults() {
        assert!(page.contains(&format!("action=\"/break/{}/{}\"", switch.touchpoint, switch.fault)));
        assert!(page.contains(&switch.title));
    }
    let press = |headers: &[(&'static str, String)]| {
        let request = visit.browser.post(format!("{control}/break/web/slow")).header("accept", "text/html");
        headers.iter().fold(request, |request, (name, value)| request.header(*name, value)).send()
    };
    let broken = || visit.company.faults().iter().any(|switch| switch.on);
    for foreign in [
        [("origin", "https://evil.example".to_owned())],
        [("origin", "null".to_owned())],
        [("sec-fetch-site", "cross-site".to_owned())],
        [("host", "evil.example:7000".to_owned())],
    ] {
        let refused = press(&foreign).await.unwrap();
        assert!(refused.status().is_client_error() && !broken(), "{foreign:?}");
    }
    let own = press(&[("origin", control.clone()), ("sec-fetch-site", "same-origin".into())]).await.unwrap();
    assert!(own.text().await.unwrap().contains("aria-pressed=\"true\"") && broken());
}
