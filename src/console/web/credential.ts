// Asks the reader who they are, where the hub wants to know.

import { Credential, onCredentialWanted } from "./api";
import { make, setText, show } from "./dom";

export function askWhenWanted(): void {
  const note = make("p", { id: "key-wrong", class: "wrong", role: "alert", hidden: true });
  const user = make("input", { id: "key-user", type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  const secret = make("input", { id: "key-input", type: "password", autocomplete: "off", spellcheck: "false", required: true });
  const form = make("form", { id: "key-form", method: "dialog" },
                    make("h2", { id: "key-title" }, "This hub wants to know you"),
                    make("p", {}, "A user of ", make("code", {}, "api.users"), " in its configuration with a password, or one of ",
                         make("code", {}, "api.keys"), " alone. It stays in this tab and is forgotten when the tab is closed."),
                    note, make("label", { for: "key-user" }, "User, nothing for a key"), user,
                    make("label", { for: "key-input" }, "API key or password"), secret,
                    make("button", { class: "primary", type: "submit" }, "Continue"));
  const dialog = make("dialog", { id: "key-dialog", "aria-labelledby": "key-title" }, form);
  document.body.append(dialog);
  // Escape does not help: without one nothing can be shown.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  onCredentialWanted((wrong: boolean) => {
    setText(note, "This is not known to the hub, or has expired.");
    show(note, wrong);
    secret.value = "";
    if (!dialog.open) dialog.showModal();
    secret.focus();
    return new Promise<Credential>((resolve) => {
      // A key has no blanks around it; a password may.
      form.onsubmit = () => resolve({ user: user.value, secret: user.value === "" ? secret.value.trim() : secret.value });
    });
  });
}
