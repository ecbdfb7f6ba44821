// The type of a step that is dragged from the palette to the canvas.
export const DRAG_TYPE = 'application/x-stepbase-step';
