// What a person can do with steps from menus, keys and the palette of the page.
export interface EditorCommands {
  /** Opens the palette as a dialog; the new step follows the given one. */
  addAfter(id: string | undefined): void;
  /** Opens the dialog that connects a step to another one. */
  connectTo(id: string): void;
  duplicate(ids: readonly string[]): void;
  remove(ids: readonly string[]): void;
  copy(): void;
  cut(): void;
  arrange(): void;
  selectAll(): void;
}
