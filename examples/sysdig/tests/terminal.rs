//! `sysdig top` in a real terminal.

use std::process::Command;

use eyas_testing::{need_program, test};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/demo.scap.gz");

/// Runs the program in a terminal of 100 columns, presses the keys one after the other, and prints the screens.
const SCRIPT: &str = r#"
import fcntl, os, pty, re, select, signal, struct, sys, termios, time
signal.alarm(120)
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execv(sys.argv[1], sys.argv[1:-1])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
seen = b""
def read(seconds):
    global seen
    end = time.time() + seconds
    while time.time() < end:
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            part = os.read(fd, 65536)
        except OSError:
            return
        if not part:
            return
        seen += part
def screen():
    grid, row, column = {}, 0, 0
    for move, other, char in re.findall("\x1b\\[(\\d+;\\d+)H|(\x1b\\[[0-9;?]*[a-zA-Z])|([^\x1b])", seen.decode(errors="replace")):
        if move:
            row, column = [int(part) - 1 for part in move.split(";")]
        elif char:
            grid[row, column] = char
            column += 1
    line = lambda row: "".join(grid.get((row, column), " ") for column in range(100)).rstrip()
    return "\n".join(line(row) for row in range(30))
def show():
    sys.stdout.write(screen() + "\n")
def wait(text):
    for _ in range(300):
        if text in screen():
            return show()
        read(0.1)
    show()
    sys.exit(1)
wait("all read")
for key in sys.argv[-1].split():
    key, _, text = key.partition("=")
    if key == "HANGUP":
        os.close(fd)
        os.waitpid(pid, 0)
        sys.exit("it has ended")
    if key == "SIGTERM":
        os.kill(pid, signal.SIGTERM)
        break
    os.write(fd, key.encode().decode("unicode_escape").encode())
    # An escape that a letter follows at once is another key.
    wait(text) if text else read(0.5)
read(2)
if ~termios.tcgetattr(fd)[3] & (termios.ICANON | termios.ECHO | termios.ISIG):
    sys.exit("the terminal is still in raw mode")
_, status = os.waitpid(pid, 0)
sys.stdout.flush()
sys.stdout.buffer.write(seen[-200:])
sys.exit(os.waitstatus_to_exitcode(status))
"#;

#[test]
fn it_draws_in_a_terminal_and_leaves_it_as_it_was() {
    let python = need_program("python3");
    // F2, down, Enter, F4, Escape, q, each with a text that the screen then shows.
    let keys = r"\x1bOQ=topcontainers_net \x1b[B \r=openat \x1bOS=completes \x1b q";
    let output = Command::new(python)
        .args(["-c", SCRIPT, env!("CARGO_BIN_EXE_sysdig"), "top", "-r", DEMO, keys])
        .output()
        .unwrap();
    let drawn = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    for text in ["sysdig top", "processes", "PID", "bash", "Views", "Filter (Tab completes)"] {
        assert!(drawn.contains(text), "{text}: {drawn:?}");
    }
    // At the end, the previous screen is back, with the cursor.
    assert!(drawn.contains("\x1b[?1049l") && drawn.contains("\x1b[?25h"), "{drawn}");
}

#[test]
fn a_signal_restores_the_terminal() {
    let python = need_program("python3");
    let output = Command::new(python)
        .args([
            "-c",
            SCRIPT,
            env!("CARGO_BIN_EXE_sysdig"),
            "top",
            "-r",
            DEMO,
            r"\x1bOQ=topcontainers_net SIGTERM",
        ])
        .output()
        .unwrap();
    let drawn = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    for restored in ["\x1b[?1049l", "\x1b[?25h", "\x1b[?1000l"] {
        assert!(drawn.contains(restored), "{restored:?}: {drawn}");
    }
}

#[test]
fn it_ends_with_its_terminal() {
    let python = need_program("python3");
    let output = Command::new(python)
        .args(["-c", SCRIPT, env!("CARGO_BIN_EXE_sysdig"), "top", "-r", DEMO, "HANGUP"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "it has ended\n", "{output:?}");
}

#[test]
fn without_a_terminal_it_says_so() {
    let output = Command::new(env!("CARGO_BIN_EXE_sysdig")).args(["top", "-r", DEMO]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("needs a terminal"), "{error}");
    let output = Command::new(env!("CARGO_BIN_EXE_sysdig")).args(["top", "-r", "-"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("give a file instead of standard input"));
    let output =
        Command::new(env!("CARGO_BIN_EXE_sysdig")).args(["top", "-r", DEMO, "--rules", "/nope"]).output();
    assert!(String::from_utf8_lossy(&output.unwrap().stderr).contains("rules /nope"));
    for (path, said) in
        [("/dev/null", "give a file instead of /dev/null"), ("/nope", "cannot open capture /nope")]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_sysdig")).args(["top", "-r", path]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(said), "{error}");
    }
}
