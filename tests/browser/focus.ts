// The way of a keyboard through a page: which controls Tab reaches, in which order, and whether the focus can be seen.

import type { Page } from 'playwright-core';

export interface FocusWalk {
  /** What got the focus, in order. */
  reached: string[];
  /** Controls that Tab does not reach, that show no focus, or that are outside of the window when they have it. */
  faults: string[];
}

interface Watched {
  focusWalk: {
    /** The element with the focus, and whether it looks different from before. */
    look(): { name: string; isVisible: boolean; isInside: boolean; isEnd: boolean };
    unreached(): string[];
  };
}

/** Remembers how all controls look without the focus. */
async function prepare(page: Page): Promise<void> {
  await page.evaluate(() => {
    const CONTROLS =
      'a[href], button, input, select, textarea, [tabindex], [contenteditable="true"]';
    /** In these, arrows move between the parts, and Tab reaches one of them. */
    const COMPOSITE =
      '[role="tablist"], [role="radiogroup"], [role="menu"], [role="listbox"], [role="toolbar"], [role="slider"], [role="group"][aria-roledescription], .react-flow, .cm-editor, .swagger-ui';
    const look = (element: Element): string =>
      [element, ...around(element), element.nextElementSibling, ...labelsOf(element)]
        .map((each) => {
          if (!each) return '';
          const {
            outlineStyle,
            outlineWidth,
            outlineColor,
            boxShadow,
            borderColor,
            backgroundColor,
          } = getComputedStyle(each);
          const outline = outlineStyle === 'none' ? '' : `${outlineWidth} ${outlineColor}`;
          return [outline, boxShadow, borderColor, backgroundColor].join();
        })
        .join(';');
    /** The frame of a field with several parts, or of a code editor, is drawn around it. */
    const around = (element: Element, most = 4): Element[] => {
      const parent = element.parentElement;
      return parent && most > 0 ? [parent, ...around(parent, most - 1)] : [];
    };
    const labelsOf = (element: Element): Element[] => [
      ...((element as HTMLInputElement).labels ?? []),
    ];
    const nameOf = (element: Element): string => {
      const name =
        element.getAttribute('aria-label') ??
        labelsOf(element)[0]?.textContent ??
        element.textContent;
      return `${element.tagName.toLowerCase()} ${(name ?? '').trim().slice(0, 60)}`.trim();
    };
    const isShown = (element: Element) =>
      element.checkVisibility({ visibilityProperty: true }) &&
      !element.closest('[inert], [aria-hidden="true"]');
    const known = new Map<Element, string>();
    const seen = new Set<Element>();
    let last: Element | undefined;
    // Tab goes on from where the focus was, also without it: from the heading of a page that was just opened.
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
    for (const element of document.querySelectorAll(CONTROLS)) known.set(element, look(element));
    Object.assign(window, {
      focusWalk: {
        look() {
          // The color of a border changes over some frames.
          for (const each of document.getAnimations())
            if (each instanceof CSSTransition) each.finish();
          const element = document.activeElement ?? document.body;
          // A field for a date has several stops.
          const isEnd = element === document.body || (seen.has(element) && element !== last);
          seen.add(element);
          last = element;
          const { top, bottom, width, height } = element.getBoundingClientRect();
          return {
            name: nameOf(element),
            isEnd,
            isVisible:
              isEnd || known.get(element) === undefined || known.get(element) !== look(element),
            isInside: width * height === 0 || (bottom > 0 && top < innerHeight),
          };
        },
        unreached() {
          return [...known.keys()]
            .filter((element) => {
              const { tabIndex, disabled } = element as HTMLButtonElement;
              const isPart = element.closest(COMPOSITE) !== null;
              return (
                tabIndex >= 0 &&
                !disabled &&
                !seen.has(element) &&
                !isPart &&
                element.isConnected &&
                isShown(element)
              );
            })
            .map(nameOf);
        },
      },
    } satisfies Watched);
  });
}

const MOST = 400;

export async function walkFocus(page: Page): Promise<FocusWalk> {
  await prepare(page);
  const reached: string[] = [];
  const faults: string[] = [];
  for (let n = 0; n < MOST; n += 1) {
    await page.keyboard.press('Tab');
    const { name, isEnd, isVisible, isInside } = await page.evaluate(() =>
      (window as unknown as Watched).focusWalk.look(),
    );
    if (isEnd) break;
    reached.push(name);
    if (!isVisible) faults.push(`${name}: the focus cannot be seen`);
    if (!isInside) faults.push(`${name}: is outside of the window when it has the focus`);
    if (n === MOST - 1) faults.push(`${MOST} times Tab do not come to an end`);
  }
  const missed = await page.evaluate(() => (window as unknown as Watched).focusWalk.unreached());
  faults.push(...missed.map((name) => `${name}: Tab does not reach it`));
  return { reached, faults };
}
