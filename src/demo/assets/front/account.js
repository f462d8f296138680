// Signing in and sending a photo happen without leaving the page; a password can be looked at.
"use strict";
enliven();

// Whoever types a password may see it.
document.querySelectorAll("input[type=password]").forEach((input) => {
  const show = document.createElement("button");
  show.type = "button";
  show.className = "button quiet small";
  show.textContent = "Show password";
  show.setAttribute("aria-pressed", "false");
  show.addEventListener("click", () => {
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    show.setAttribute("aria-pressed", String(hidden));
  });
  document.querySelector("#look").append(show);
});
