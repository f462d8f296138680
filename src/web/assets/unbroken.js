// Keeps the page true while it is open. Without this script the page reloads itself.
"use strict";
(() => {
  const sign = document.querySelector("[data-live]");
  if (!sign || !window.EventSource) return;

  // The page brings the words, in its language.
  const { on, lost } = sign.dataset;
  const off = sign.textContent;
  const say = (state, text) => {
    sign.dataset.live = state;
    sign.textContent = text;
  };

  say("wait", off);

  // Turns one tree into the other, touching only what differs: no flicker, and focus, scroll and selection stay.
  const morph = (from, to) => {
    if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) {
      from.replaceWith(document.importNode(to, true));
      return;
    }
    if (from.nodeType === Node.TEXT_NODE) {
      if (from.data === to.data) return;
      from.data = to.data;
      const flash = from.parentElement.closest("[data-flash]");
      if (flash) {
        flash.classList.remove("flash");
        requestAnimationFrame(() => flash.classList.add("flash"));
      }
      return;
    }
    if (from.nodeType !== Node.ELEMENT_NODE || from === sign) return;
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
    }
    for (const { name, value } of to.attributes) {
      if (from.getAttribute(name) !== value && name !== "class") from.setAttribute(name, value);
    }
    const kind = to.getAttribute("class") || "";
    if ((from.getAttribute("class") || "").replace(/ ?\bflash\b/, "") !== kind) from.setAttribute("class", kind);
    const old = [...from.childNodes];
    const young = [...to.childNodes];
    young.forEach((child, place) => {
      if (place < old.length) morph(old[place], child);
      else from.append(document.importNode(child, true));
    });
    old.slice(young.length).forEach((child) => child.remove());
  };

  let busy = false;
  let again = false;
  const look = () => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.timeout = 10000;
    request.onloadend = () => {
      busy = false;
      const next = request.response;
      if (next && request.status === 200) {
        document.title = next.title;
        // A card has no head.
        for (const part of ["header.top", "main"]) {
          const from = document.querySelector(part);
          if (from) morph(from, next.querySelector(part));
        }
      }
      if (again) {
        again = false;
        soon();
      }
    };
    request.send();
  };

  let timer = 0;
  const soon = () => {
    if (!timer && !document.hidden) {
      timer = setTimeout(() => {
        timer = 0;
        look();
      }, 300);
    }
  };

  const events = new EventSource("/api/v1/events");
  events.onopen = () => {
    say("on", on);
    soon();
  };
  events.onerror = () => say("lost", lost);
  for (const name of ["score", "state", "incident"]) events.addEventListener(name, soon);
  setInterval(soon, 15000);
  document.addEventListener("visibilitychange", soon);
})();
