// What shop, account and chat share. Without it every page works; with it, nothing blinks.
"use strict";
{
  // The page's own script comes after everything that people see.
  const own = document.currentScript.dataset.then;
  addEventListener("load", () => {
    const script = document.createElement("script");
    script.src = own;
    document.body.append(script);
  });

  // The cookie question is answered without leaving the page.
  document.querySelector("#consent form")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    await fetch(form.action, { method: "POST", body: new URLSearchParams([["answer", event.submitter.value]]) });
    form.closest("#consent").remove();
  });

  // The chat opens beside what one was doing; without a script, in a tab of its own.
  const dialog = document.querySelector("dialog.frame");
  document.querySelector(".bubble")?.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.querySelector("iframe").src ||= dialog.dataset.window;
    dialog.showModal();
  });
  dialog?.querySelector("button").addEventListener("click", () => dialog.close());
}

// The page's forms come to life when everything else has settled.
function enliven() {
  setTimeout(() => document.querySelectorAll("form[data-sent]").forEach(live), 120);
  addEventListener("popstate", () => location.reload());
}

// From now on a form is sent without leaving the page.
function live(form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    // Which visit it came from: marketing wants to know.
    send(form, form.elements.visit.value);
  });
  // A button that is not the form's own waits for us to be one.
  form.querySelector("button[type=button]")?.addEventListener("click", () => form.requestSubmit());
}

// Shows the page that answers a form in place of this one's middle.
async function send(form, visit) {
  form.querySelector(".button").setAttribute("aria-busy", "true");
  const fields = new FormData(form);
  fields.set("visit", visit);
  const body = form.enctype === "multipart/form-data" ? fields : new URLSearchParams(fields);
  const answer = await fetch(form.action, { method: "POST", body });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.title = page.title;
  document.querySelector("main").replaceWith(page.querySelector("main"));
  history.pushState(null, "", answer.url);
  const title = document.querySelector("h1");
  title.tabIndex = -1;
  title.focus();
  document.querySelectorAll("form[data-sent]").forEach(live);
}
