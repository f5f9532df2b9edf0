// A button on every block of code. Of a session (`$ command`, then what it prints) it copies the commands.
"use strict";

function copied(block) {
  const text = block.textContent.replace(/\n$/, "");
  if (!/^\$ /m.test(text)) return text;
  const commands = text.match(/^\$ .*(?:\\\n> .*|\n> .*)*/gm) || [];
  return commands.map((command) => command.replace(/^(?:\$|>) /gm, "")).join("\n");
}

document.addEventListener("DOMContentLoaded", () => {
  for (const block of document.querySelectorAll("div.highlight > pre")) {
    const button = document.createElement("button");
    button.className = "copy";
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(copied(block));
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.parentElement.append(button);
  }
});
