// Making a group from friends, and adding friends to one.
import { html, useState } from "../lib.js";
import { createGroup, groupChange } from "../actions.js";
import { api } from "../api.js";
import { t } from "../i18n.js";
import { friends, groups } from "../store.js";
import { closeDialog } from "../ui-state.js";
import { UserAvatar } from "./Avatar.js";
import { Dialog, Field } from "./Dialog.js";

function Choice({ people, chosen, setChosen, empty }) {
  const toggle = (id) => () => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  if (people.length === 0) return html`<p class="muted">${empty}</p>`;
  return html`<fieldset class="choice"><legend>${t("chooseMembers")}</legend>
    <ul class="list">
      ${people.map((f) => html`<li key=${f.userId}><label class="row-main">
        <input type="checkbox" checked=${chosen.has(f.userId)} onChange=${toggle(f.userId)} />
        <${UserAvatar} user=${f} size="s" />
        <span class="row-title" dir="auto">${f.nickname || f.username}</span>
      </label></li>`)}
    </ul>
  </fieldset>`;
}

const byName = (a, b) => (a.nickname || a.username).localeCompare(b.nickname || b.username);
const allFriends = () => [...friends.value.values()].sort(byName);

export function NewGroup() {
  const [groupName, setName] = useState("");
  const [description, setDescription] = useState("");
  const [chosen, setChosen] = useState(new Set());
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await createGroup({ groupName: groupName.trim(), description: description.trim() || undefined, members: [...chosen] });
    } catch (failure) {
      setError(failure.message);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t("newGroup")}>
    <form onSubmit=${submit} name="newGroup">
      ${error && html`<p class="notice is-error" role="alert">${error}</p>`}
      <${Field} label=${t("groupName")} value=${groupName} onValue=${setName} required maxlength="50" name="groupName" data-autofocus />
      <${Field} label=${t("groupDescription")} value=${description} onValue=${setDescription} name="description" />
      <${Choice} people=${allFriends()} chosen=${chosen} setChosen=${setChosen} empty=${t("noFriendsHint")} />
      <div class="dialog-buttons">
        <button type="button" class="secondary" onClick=${closeDialog}>${t("cancel")}</button>
        <button type="submit" class="primary" disabled=${busy || groupName.trim() === ""}>${t("create")}</button>
      </div>
    </form>
  <//>`;
}

export function AddMembers({ conversation }) {
  const [chosen, setChosen] = useState(new Set());
  const inside = new Set(groups.value.get(conversation.target.groupId)?.members.map((m) => m.userId));
  const people = allFriends().filter((f) => !inside.has(f.userId));
  const submit = async (event) => {
    event.preventDefault();
    if (await groupChange(conversation, (id) => api.addMembers(id, [...chosen]))) closeDialog();
  };
  return html`<${Dialog} title=${t("addMembers")} small>
    <form onSubmit=${submit} name="addMembers">
      <${Choice} people=${people} chosen=${chosen} setChosen=${setChosen} empty=${t("addMembersNone")} />
      <div class="dialog-buttons">
        <button type="button" class="secondary" onClick=${closeDialog}>${t("cancel")}</button>
        <button type="submit" class="primary" disabled=${chosen.size === 0}>${t("add")}</button>
      </div>
    </form>
  <//>`;
}
