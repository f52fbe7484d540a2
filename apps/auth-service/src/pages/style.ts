import { createHash } from 'node:crypto';
import { Html } from './html.js';

const CSS = `
:root { color-scheme: light dark; --bg: #f4f5f7; --card: #fff; --text: #1b1f24; --soft: #57606a; --line: #8c959f; --accent: #1f5fd0; --on-accent: #fff;
  --bad: #b3261e; --note: #eaf1fd; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #0d1117; --card: #161b22; --text: #e6edf3; --soft: #9aa4af; --line: #6e7681; --accent: #7aa7ff; --on-accent: #0d1117;
    --bad: #ff9d94; --note: #1d2a40; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--bg); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere; }
main { width: 100%; max-width: 30rem; padding: 1.5rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
h1 { margin: 0 0 1rem; font-size: 1.35rem; line-height: 1.3; }
h2 { margin: 1.25rem 0 .25rem; font-size: 1rem; }
p, ul, ol, dl { margin: 0 0 .75rem; }
ul, ol { padding-left: 1.25rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem .75rem; }
dt { color: var(--soft); }
dd { margin: 0; }
small, .soft { color: var(--soft); }
code { font-size: .875em; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.25rem; }
button, .button { flex: 1 1 9rem; min-height: 2.75rem; padding: .5rem 1rem; border: 1px solid var(--line); border-radius: .5rem;
  background: transparent; color: inherit; font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer; }
button.primary { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
a { color: var(--accent); }
.field { margin-top: 1rem; }
.field p { margin-bottom: .25rem; }
label { display: block; font-weight: 600; }
.hint { color: var(--soft); }
.error { color: var(--bad); font-weight: 600; }
input[type=text], input[type=password], select, textarea { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; border: 1px solid var(--line);
  border-radius: .5rem; background: var(--card); color: inherit; font: inherit; }
input[aria-invalid], select[aria-invalid], textarea[aria-invalid] { border: 2px solid var(--bad); }
.masked { -webkit-text-security: disc; font-family: monospace; }
.notice { padding: .75rem; border-radius: .5rem; background: var(--note); }
.problem { margin-bottom: 1rem; padding: .75rem; border: 2px solid var(--bad); border-radius: .5rem; }
.problem h2 { margin-top: 0; }
.problem ul { margin: 0; }
.problem a { color: var(--bad); }
.new { color: var(--accent); }
.code { font-size: 1.75rem; letter-spacing: .1em; text-align: center; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.actions .button { display: flex; align-items: center; justify-content: center; color: inherit; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
`;

export const styleElement = new Html(`<style>${CSS}</style>`);
/** Names the one style sheet in the content security policy, so that no other can be slipped in. */
export const styleHash = `'sha256-${createHash('sha256').update(CSS).digest('base64')}'`;
