// The watchdog: a shell with a pipe from the supervisor. If the supervisor dies without stopping its children (SIGKILL,
// crash), the watchdog ends every registered process group.

import { type ChildProcess, spawn } from 'node:child_process';

// Reads `+ pid SIGNAL` and `- pid` on stdin; end of file means that the supervisor has exited.
const SCRIPT = `
trap '' HUP INT TERM
groups=''
while read -r op pid signal; do
  case "$op" in
    +) groups="$groups $pid:$signal" ;;
    -) kept=''
       for group in $groups; do [ "\${group%%:*}" = "$pid" ] || kept="$kept $group"; done
       groups="$kept" ;;
  esac
done
[ -n "$groups" ] || exit 0
for group in $groups; do kill -s "\${group##*:}" -- "-\${group%%:*}" 2>/dev/null; done
for second in 1 2 3 4 5 6 7 8; do
  alive=''
  for group in $groups; do
    if kill -0 -- "-\${group%%:*}" 2>/dev/null; then alive=yes; fi
  done
  [ -n "$alive" ] || exit 0
  sleep 1
done
for group in $groups; do kill -s KILL -- "-\${group%%:*}" 2>/dev/null; done
`;

let watchdog: ChildProcess | undefined;

function pipe(): ChildProcess['stdin'] {
  if (watchdog === undefined) {
    // Detached: a Ctrl-C in the terminal must not reach it before the supervisor has acted.
    watchdog = spawn('/bin/sh', ['-c', SCRIPT], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
    });
    watchdog.unref();
    watchdog.on('error', () => undefined);
    watchdog.stdin?.on('error', () => undefined);
    const stdin = watchdog.stdin;
    // The pipe must not keep the supervisor running.
    if (stdin && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  }
  return watchdog.stdin;
}

export function guard(pid: number, signal: 'TERM' | 'INT'): void {
  pipe()?.write(`+ ${pid} ${signal}\n`);
}

export function unguard(pid: number): void {
  pipe()?.write(`- ${pid}\n`);
}
