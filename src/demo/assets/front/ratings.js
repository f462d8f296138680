// Stars & Co: what others say, on any shop's page. Belongs into the head, says its manual.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".stars").forEach((place) => {
    place.textContent = "★★★★★ 4.6 of 5, says Stars & Co";
  });
});
