// Swagger UI is dark under html.dark-mode; the class follows the theme of the client.
import { useEffect } from 'react';

export function useDarkMode(): void {
  useEffect(() => {
    const root = document.documentElement;
    const update = () => {
      root.classList.toggle('dark-mode', root.dataset.mantineColorScheme === 'dark');
    };
    const observer = new MutationObserver(update);
    observer.observe(root, { attributeFilter: ['data-mantine-color-scheme'] });
    update();
    return () => {
      observer.disconnect();
      root.classList.remove('dark-mode');
    };
  }, []);
}
