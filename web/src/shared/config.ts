// The address and the key of the project: from config.js at run time, else from the build.
import { type BuildEnv, type Settings, settingsFromBuild } from './settings.ts';

declare global {
  interface ImportMetaEnv extends BuildEnv {}
  interface Window {
    __STEPBASE__?: Settings;
  }
}

export const config: Settings = window.__STEPBASE__ ?? settingsFromBuild(import.meta.env);
