// The conversation with Hal, and the queue for those who want a person.
"use strict";
{
  const talk = document.querySelector("#talk");
  const form = document.querySelector("#ask");
  const say = document.querySelector("#say");
  const socket = new WebSocket("ws://" + location.host + "/");

  const show = (who, words, own) => {
    const line = document.createElement("li");
    const name = document.createElement("b");
    name.textContent = who + ": ";
    line.className = own ? "own" : "";
    line.append(name, words);
    talk.append(line);
    talk.scrollTop = talk.scrollHeight;
  };
  const ask = (words) => {
    // Which visit a question came from.
    const visit = form.elements.visit.value;
    show("You", words, true);
    // The number of an order, if one is named.
    const order = words.match(/H-\d{6}/)?.[0];
    socket.send(JSON.stringify({ say: words, order, visit }));
  };

  socket.onmessage = (event) => show("Hal", JSON.parse(event.data).say);
  socket.onopen = () => socket.send(JSON.stringify({ say: "hello" }));
  socket.onerror = () => show("Chat", "We cannot be reached right now.");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(say.value);
    say.value = "";
  });
  document.querySelectorAll(".chips button").forEach((chip) => {
    chip.addEventListener("click", () => ask(chip.textContent));
  });

  // A person, if one has the time to wait.
  const person = document.querySelector("#person");
  document.querySelector("#want-person")?.addEventListener("click", async () => {
    const queue = await (await fetch("/queue")).json();
    person.querySelector("p").textContent = queue.waiting === 0
      ? "Nobody is before you."
      : `${queue.waiting} customers are before you: about ${queue.minutes} minutes.`;
    person.showModal();
  });
  person?.addEventListener("close", () => {
    if (person.returnValue === "wait") show("Chat", "You are in the line. A person will be with you.");
  });
  document.querySelector("#end")?.addEventListener("click", () => {
    if (confirm("End this conversation?")) {
      socket.close();
      talk.replaceChildren();
      show("Chat", "The conversation has ended. Come back any time.");
    }
  });
}
