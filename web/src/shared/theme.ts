// The Mantine theme: colors with a contrast of 4.5:1, system fonts, and defaults of the components. The colors of
// statuses are CSS variables in theme.css, which follow the color scheme.
import { createTheme, type MantineColorsTuple } from '@mantine/core';

const teal: MantineColorsTuple = [
  '#e6fbf7',
  '#ccf4ec',
  '#9ae8da',
  '#63dcc6',
  '#38d1b5',
  '#2dd4bf',
  '#14a896',
  '#0f766e',
  '#0d655e',
  '#0a524c',
];

/** From the color of text to those of surfaces and the page. */
const slate: MantineColorsTuple = [
  '#e8edf3',
  '#c4cfda',
  '#9aa7b5',
  '#8794a3',
  '#35414f',
  '#26313e',
  '#1d2631',
  '#171e27',
  '#0e1319',
  '#090d12',
];

export const theme = createTheme({
  primaryColor: 'brand',
  // White text has a contrast of 5.5:1 on it, in both color schemes.
  primaryShade: 7,
  colors: { brand: teal, dark: slate },
  defaultRadius: 'md',
  fontFamily: 'Inter, system-ui, "Open Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "JetBrains Mono", Menlo, Consolas, monospace',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Modal: { defaultProps: { centered: true, closeButtonProps: { 'aria-label': 'Close' } } },
    Drawer: { defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } },
    // The header of a dialog is not the banner of the page.
    ModalHeader: { defaultProps: { role: 'presentation' } },
    DrawerHeader: { defaultProps: { role: 'presentation' } },
    // A menu has entries only; the first one takes the focus.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
    Badge: { defaultProps: { tt: 'none' } },
    Anchor: { defaultProps: { underline: 'hover', fw: 550 } },
  },
});
