// The emoji that people use most; the system's own picker has the rest.
import { html, useEffect, useRef } from "../lib.js";
import { t } from "../i18n.js";

const EMOJI = [
  "😀 😄 😁 😅 😂 🤣 😊 🙂 😉 😍 🥰 😘 😎 🤩 🥳 🤔 🤨 😐 😏 🙄 😬 😴 😷 🤒 🤯 😳 🥺 😢 😭 😤 😡 🤬 😱 🤗 🤭 🤫 😇 🤓 🫡 🫠",
  "👍 👎 👌 ✌️ 🤞 🤝 👏 🙌 🙏 💪 👋 🫶 ❤️ 🧡 💛 💚 💙 💜 🖤 💔 💯 💥 ✨ ⭐ 🔥 🎉 🎊 🎁 🎂 🏆",
  "🐶 🐱 🐼 🐵 🦊 🐯 🐷 🐸 🐔 🐧 🌸 🌹 🌞 🌙 ⛅ 🌈 ☔ ❄️ 🍎 🍉 🍜 🍚 🥟 🍕 🍔 🍰 ☕ 🍵 🍺 🥂",
  "🚀 ✈️ 🚗 🚲 🏠 💻 📱 ⌚ 📷 📚 ✏️ 💡 🔒 🔑 ⏰ 📌 ✅ ❌ ❓ ❗ ⚠️ 🆗 🎵 ⚽ 🏀 🎮",
].join(" ").split(" ");

const COLUMNS = 8;

export function EmojiPicker({ onPick, onClose }) {
  const ref = useRef();
  useEffect(() => {
    ref.current.querySelector("button").focus();
    const outside = (event) => event.target.closest?.(".composer-frame") || onClose();
    addEventListener("pointerdown", outside, true);
    return () => removeEventListener("pointerdown", outside, true);
  }, []);
  const onKeyDown = (event) => {
    const buttons = [...ref.current.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS }[event.key];
    if (by !== undefined) buttons[Math.min(buttons.length - 1, Math.max(0, at + by))].focus();
    else if (event.key === "Escape") {
      onClose();
      document.getElementById("composer")?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<div class="emoji-picker" role="group" aria-label=${t("emoji")} ref=${ref} onKeyDown=${onKeyDown}>
    ${EMOJI.map((e, i) => html`<button type="button" key=${e} tabindex=${i === 0 ? 0 : -1} onClick=${() => onPick(e)}>${e}</button>`)}
  </div>`;
}
