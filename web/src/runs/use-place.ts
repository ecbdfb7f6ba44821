// The place in a long list: `useAtTop()` says whether the window is at its top, and `usePlace(name, isReady)` goes back
// to where the window was when the list was left.
import { useEffect, useLayoutEffect, useState } from 'react';

const TOP = 40;

export function useAtTop(): boolean {
  const [isAtTop, setAtTop] = useState(() => window.scrollY < TOP);
  useEffect(() => {
    const look = () => setAtTop(window.scrollY < TOP);
    window.addEventListener('scroll', look, { passive: true });
    return () => window.removeEventListener('scroll', look);
  }, []);
  return isAtTop;
}

/** Places by the name of the list; they last as long as the rows in the cache. */
const places = new Map<string, number>();

export function usePlace(name: string, isReady: boolean): void {
  useLayoutEffect(() => {
    const place = places.get(name);
    if (!isReady || place === undefined) return;
    places.delete(name);
    // The table knows its height after the first frame.
    window.scrollTo(0, place);
    const frame = requestAnimationFrame(() => window.scrollTo(0, place));
    return () => cancelAnimationFrame(frame);
  }, [name, isReady]);
  useEffect(() => {
    let place = window.scrollY;
    const look = () => {
      place = window.scrollY;
    };
    const leave = () => {
      if (place > 0) places.set(name, place);
    };
    window.addEventListener('scroll', look, { passive: true });
    // The hash changes before the new page scrolls to its top.
    window.addEventListener('hashchange', leave);
    return () => {
      window.removeEventListener('scroll', look);
      window.removeEventListener('hashchange', leave);
    };
  }, [name]);
}
