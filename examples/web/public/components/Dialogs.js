// The dialog that is open, if any.
import { html, useState } from "../lib.js";
import { groupChange } from "../actions.js";
import { api } from "../api.js";
import { t } from "../i18n.js";
import { closeDialog, dialog } from "../ui-state.js";
import { keyName } from "../shortcuts.js";
import { Dialog, Field } from "./Dialog.js";
import { AddMembers, NewGroup } from "./GroupDialogs.js";
import { Settings } from "./Settings.js";

function Confirm({ text, detail, action, danger, resolve }) {
  const answer = (yes) => () => {
    closeDialog();
    resolve(yes);
  };
  return html`<${Dialog} title=${text} small onClose=${answer(false)}>
    ${detail && html`<p class="muted">${detail}</p>`}
    <div class="dialog-buttons">
      <button type="button" class="secondary" onClick=${answer(false)}>${t("cancel")}</button>
      <button type="button" class=${danger ? "primary danger" : "primary"} data-autofocus onClick=${answer(true)}>${action}</button>
    </div>
  <//>`;
}

function EditGroup({ conversation }) {
  const [groupName, setName] = useState(conversation.target.groupName);
  const [description, setDescription] = useState(conversation.target.description ?? "");
  const submit = async (event) => {
    event.preventDefault();
    if (await groupChange(conversation, (id) => api.saveGroup(id, { groupName: groupName.trim(), description }))) closeDialog();
  };
  return html`<${Dialog} title=${t("renameGroup")} small>
    <form onSubmit=${submit} name="editGroup">
      <${Field} label=${t("groupName")} value=${groupName} onValue=${setName} required maxlength="50" data-autofocus />
      <${Field} label=${t("groupDescription")} value=${description} onValue=${setDescription} />
      <div class="dialog-buttons">
        <button type="button" class="secondary" onClick=${closeDialog}>${t("cancel")}</button>
        <button type="submit" class="primary" disabled=${groupName.trim() === ""}>${t("save")}</button>
      </div>
    </form>
  <//>`;
}

function Shortcuts() {
  const keys = [
    [keyName("K"), "keySearch"],
    ["Alt ↑ ↓", "keyNextChat"],
    ["Enter", "keySend"],
    ["Shift Enter", "keyNewline"],
    ["↑", "keyMessages"],
    ["Esc", "keyClose"],
    ["?", "shortcuts"],
  ];
  return html`<${Dialog} title=${t("shortcuts")} small>
    <dl class="keys">${keys.map(([key, what]) => html`<div key=${what}><dt><kbd>${key}</kbd></dt><dd>${t(what)}</dd></div>`)}</dl>
  <//>`;
}

const KINDS = { confirm: Confirm, newGroup: NewGroup, addMembers: AddMembers, editGroup: EditGroup, settings: Settings, shortcuts: Shortcuts };

export function Dialogs() {
  const { kind, ...props } = dialog.value;
  const Kind = KINDS[kind];
  return html`<${Kind} key=${kind} ...${props} />`;
}
