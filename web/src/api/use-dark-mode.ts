// Swagger UI is dark under html.dark-mode; the class follows the theme of the client.
import { useEffect } from 'react';

export function useDarkMode(): void {
  useEffect(() => {
    const root = document.documentElement;
    const system = matchMedia('(prefers-color-scheme: dark)');
    const update = () => {
      const { theme } = root.dataset;
      root.classList.toggle('dark-mode', theme === 'dark' || (theme !== 'light' && system.matches));
    };
    const observer = new MutationObserver(update);
    observer.observe(root, { attributeFilter: ['data-theme'] });
    system.addEventListener('change', update);
    update();
    return () => {
      observer.disconnect();
      system.removeEventListener('change', update);
      root.classList.remove('dark-mode');
    };
  }, []);
}
