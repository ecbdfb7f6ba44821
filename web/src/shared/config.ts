// The address and the key of the project: from config.js at run time, else from the build.
import { type BuildEnv, type Settings, settingsFromBuild } from './settings.ts';

declare global {
  interface ImportMetaEnv extends BuildEnv {}
  // As Vite declares it; the tests of single modules are compiled without the types of Vite.
  interface ImportMeta {
    readonly env: ImportMetaEnv;
  }
  interface Window {
    __STEPBASE__?: Settings;
  }
}

export const config: Settings = window.__STEPBASE__ ?? settingsFromBuild(import.meta.env);
