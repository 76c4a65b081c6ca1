/** Lets the browser's Back close a dialog. */

/** Show a dialog as a step that Back takes away. */
export function showAsStep(dialog) {
  history.pushState({ dialog: dialog.id }, "");
  dialog.showModal();
}

/** Close a dialog on Back, and take its step away when it is closed otherwise. */
export function closesOnBack(dialog) {
  const isHere = () => history.state?.dialog === dialog.id;
  dialog.addEventListener("close", () => isHere() && history.back());
  addEventListener("popstate", () => dialog.open && !isHere() && dialog.close());
}
