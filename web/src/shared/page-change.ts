// The title of the window and the focus after a page change. The shell calls `pageChanges` before it shows another page;
// the head of that page takes the focus once. The first page of a window does not take it.
let isFocusFree = false;
let page = '';
let app = '';
let tasks = 0;

function write(): void {
  const parts = [page, app, 'Stepbase'].filter(Boolean).join(' · ');
  document.title = tasks > 0 ? `(${tasks}) ${parts}` : parts;
}

export function pageChanges(): void {
  isFocusFree = true;
}

export function takeFocus(): boolean {
  const isFree = isFocusFree;
  isFocusFree = false;
  return isFree;
}

export function setTitle(title: string): void {
  page = title;
  write();
}

/** The name of the application and the number of open tasks of the user, for the title. */
export function setTitleContext(name: string, openTasks: number): void {
  app = name;
  tasks = openTasks;
  write();
}
