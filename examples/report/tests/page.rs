//! The page of a report.

use std::path::{Path, PathBuf};
use std::process::Command;

use eyas::sinsp::Inspector;
use eyas_testing::{need_program, test};

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

fn demo() -> PathBuf {
    eyas_testing::root().join("demo/demo.scap.gz")
}

fn page(path: &Path) -> String {
    let engine = eyas_report::rules::<&Path>(&[]).unwrap();
    eyas_report::page(path, &engine, &Inspector::default).unwrap()
}

/// The drawn slice, as text.
fn slice(page: &str) -> String {
    let from = page.find("<svg id=\"slice\"").unwrap();
    let svg = &page[from..from + page[from..].find("</svg>").unwrap()];
    svg.replace("&gt;", ">")
        .replace("&lt;", "<")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// What was planted in the shared attack capture, as its script did it: a name, and texts of which the slice has to show all.
const PLANTED: &[(&str, &[&str])] = &[
    ("password file read", &["cat /etc/shadow", ">/etc/shadow<"]),
    ("path that climbs", &["open(\"/tmp/../../etc/../etc/passwd\")"]),
    ("server reads the password file", &["httpd -c sleep 6; read l < /etc/shadow"]),
    ("server starts shells", &["httpd -c bash -c", "bash -c id", "sh -c whoami", "whoami"]),
    ("system account at work", &["sshd -c setpriv --reuid=daemon", "setpriv --reuid=nobody"]),
    (
        "search for keys",
        &[
            "grep -r BEGIN RSA PRIVATE",
            "grep BEGIN OPENSSH PRIVATE",
            "find /tmp/peerx -name id_rsa",
            "id_ed25519",
        ],
    ),
    ("log emptied and removed", &["truncate -s 0 /var/log/peer-test.log", "rm -f /var/log/peer-test.log"]),
    ("data shredded", &["shred -u /tmp/peerx/f"]),
    (
        "symbolic links",
        &["ln -s /etc/shadow /tmp/peerx/sl", "ln -s /etc /tmp/peerx/sletc", "os.symlink(\"/etc/passwd\""],
    ),
    ("hard link", &["ln /etc/shadow /tmp/peerx/hl"]),
    ("tracing with strace and gdb", &["strace -p 21870", "gdb -batch -p 21870"]),
    ("process that traces itself", &["l.ptrace(0,0,0,0)"]),
    (
        "search for cloud credentials",
        &[
            "grep aws_secret_access_key",
            "find /tmp/peerx -name .aws/credentials",
            "cat /tmp/peerx/.aws/credentials",
        ],
    ),
    ("programs in /dev/shm", &["cp /bin/true /dev/shm/peerx", "peerls", "/dev/shm/peerx"]),
    ("program in memory", &["os.memfd_create(\"evil\"", "memfd:"]),
    ("reverse shell", &["exec 5<>/dev/tcp/127.0.0.1/4444", "sh -i", "127.0.0.1:4444"]),
    ("connection with netcat", &["nc.traditional -q 0 127.0.0.1 4445", "127.0.0.1:4445"]),
    (
        "files below /etc",
        &["mv /etc/peer_test_file /etc/peer_test_file2", "mkdir /etc/peer_d", "/etc/peer_test_file<"],
    ),
    ("files below /usr/bin", &["touch /usr/bin/peer_t", "mkdir /usr/bin/peer_d"]),
    ("file below /root", &["touch /root/peer_t"]),
    ("shell history", &["touch /tmp/peerx/.bash_history", "rm -f /tmp/peerx/.bash_history"]),
    (
        "keys of ssh",
        &["cat /tmp/peerx/.ssh/authorized_keys", "touch /root/.ssh/peer_t", "cat /root/.ssh/peer_t"],
    ),
    ("setuid bits", &["chmod u+s /tmp/peerx/su", "chmod 4755 /tmp/peerx/su", "os.chmod(\"/tmp/peerx/su\""]),
    ("file below /dev", &["touch /dev/peer_t"]),
    ("database starts a program", &["mysqld -c ls"]),
    ("account tools", &["useradd --help", "passwd --help", "groupadd --help"]),
    ("new namespaces", &["unshare -n true", "unshare -m true", "unshare -U true", "unshare -pf true"]),
    ("entered namespaces", &["nsenter -t 21813 -n true", "l.setns(fd,0)"]),
    ("environments read", &["cat /proc/21813/environ", "cat /proc/self/environ"]),
    ("scheduled job", &["/etc/cron.d/peer_t"]),
    ("hidden files", &["touch /tmp/peerx/.hidden", "mkdir /tmp/peerx/.hid"]),
    ("decoded text", &["base64 -d"]),
    ("system explored", &["uname -a", "ps aux", "netstat -an"]),
    ("ids given up", &["os.setgid(65534); os.setuid(65534)"]),
    ("rare calls", &["l.syscall(323,0); l.syscall(321,0,0,0)"]),
    ("datagrams", &["socket.SOCK_DGRAM"]),
    ("shell in the container", &["bash -c ls /", "runc -c bash -c"]),
    ("terminal in the container", &["script -qec"]),
    ("netcat in the container", &["nc.traditional -l -p 4446", "nc -l -p 4447", "ncat -l 127.0.0.1 4448"]),
    ("raw packets in the container", &["socket.AF_PACKET"]),
    (
        "streams to a connection in the container",
        &["s.connect((\"127.0.0.1\",4449))", "nc.traditional -l -p 4449", "127.0.0.1:4449"],
    ),
    ("kernel module in the container", &["l.syscall(313,-1,b\"\",0); l.syscall(175,0,0,b\"\")"]),
    ("debugfs in the container", &["debugfs"]),
    ("release agent", &["echo x > /tmp/peerx/release_agent", "/tmp/peerx/release_agent<"]),
    ("package manager in the container", &["apt-get --version"]),
    ("start file of a shell", &["chmod +x /tmp/peerx/.bashrc"]),
    ("transfer tools in the container", &["wget --version", "curl --version"]),
    ("mount in the container", &["mount -t tmpfs none /mnt/peer_nonexist"]),
    (
        "program added to the container",
        &["cp /tmp/peerx/mg/busybox /tmp/peerx/mg/bb2", "bb2 true", "bb2 id", "mount -t overlay"],
    ),
];

#[test]
fn every_planted_action_of_the_attack_is_in_the_slice() {
    let attack = eyas_testing::data_or_ignore("captures/attack.scap.gz");
    let page = page(&attack);
    let slice = slice(&page);
    let mut missing = Vec::new();
    for (action, texts) in PLANTED {
        missing.extend(
            texts.iter().filter(|text| !slice.contains(**text)).map(|text| format!("{action}: {text}")),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
    let nodes = slice.matches("<g class=\"node").count();
    assert!(nodes <= 250 && nodes > 100, "{nodes} nodes");
    assert!(page.len() < 3 << 20, "{} bytes", page.len());
}

#[test]
fn a_page_has_all_its_parts_and_needs_nothing_else() {
    let page = page(&demo());
    for part in [
        "<title>Report of demo.scap.gz</title>",
        "alerts of",
        "<svg id=\"timeline\"",
        "No events were lost",
        "class=\"alerting\"",
        "<svg id=\"slice\"",
        "id=\"files-table\"",
        "id=\"connections-table\"",
        "id=\"users-table\"",
        "id=\"containers-table\"",
        "type=\"search\"",
        "fd.name is &quot;/etc/shadow&quot;",
        "download=\"demo.slice.scap.gz\"",
        "name=\"viewport\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let outside = ["src=", "http://", "https://", "@import", "url(http"];
    assert!(outside.iter().all(|text| !page.contains(text)), "it refers to something else");
    assert_eq!(page, self::page(&demo()));
    // Each element that is opened is closed.
    for tag in ["div", "ul", "li", "table", "details", "svg", "g", "span", "button", "p", "a"] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn the_part_of_the_capture_in_a_page_is_a_capture() {
    let page = page(&demo());
    let from = page.find("base64,").unwrap() + 7;
    let text = &page[from..from + page[from..].find('"').unwrap()];
    let path = std::env::temp_dir().join(format!("eyas-report-{}.scap.gz", std::process::id()));
    std::fs::write(&path, decoded(text)).unwrap();
    let mut source = eyas::scap::Reader::open(&path).unwrap();
    let mut inspector = Inspector::default();
    let mut found = false;
    while let eyas::sinsp::Step::Event(event) = inspector.next(&mut source).unwrap() {
        let thread = event.thread().unwrap();
        found |= event.num() == 1176
            && &*thread.comm == b"cat"
            && event.fd().is_some_and(|fd| &*fd.name == b"/etc/shadow");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(found);
}

fn decoded(base64: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u32> = base64.chars().filter_map(|c| DIGITS.find(c).map(|at| at as u32)).collect();
    let mut out = Vec::new();
    for four in digits.chunks(4) {
        let number = four.iter().fold(0, |all, digit| all << 6 | digit) << (6 * (4 - four.len()));
        out.extend_from_slice(&number.to_be_bytes()[1..four.len()]);
    }
    out
}

#[test]
fn losses_are_shaded() {
    use eyas::events::EventType;
    use eyas::scap::{EventBuilder, Snapshot, Writer};

    let path = std::env::temp_dir().join(format!("eyas-report-lost-{}.scap", std::process::id()));
    let mut writer = Writer::create(&path, false).unwrap();
    writer.snapshot(&Snapshot::default()).unwrap();
    for (ty, ts) in [
        (EventType::SYSCALL_CLOSE_X, 1_000_000_000),
        (EventType::DROP_E, 2_000_000_000),
        (EventType::DROP_X, 3_000_000_000),
        (EventType::SYSCALL_CLOSE_X, 5_000_000_000),
    ] {
        writer.event(&EventBuilder::new(ty).ts(ts).tid(7).build().as_raw()).unwrap();
    }
    writer.finish().unwrap();
    let page = page(&path);
    std::fs::remove_file(&path).unwrap();
    assert!(page.contains("class=\"lost\"") && page.contains("lost in 1 span"), "{page}");
    assert!(page.contains("There is no alert to begin at"));
}

#[test]
fn a_browser_opens_the_page_without_an_error() {
    let chromium = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok());
    let chromium = chromium.map_or_else(|| need_program("chromium"), PathBuf::from);
    let dir = std::env::temp_dir().join(format!("eyas-report-browser-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("report.html"), page(&demo())).unwrap();
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--window-size=390,844",
        ])
        .arg(format!("--screenshot={}", dir.join("shot.png").display()))
        .arg(format!("file://{}", dir.join("report.html").display()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<&str> = text.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(std::fs::metadata(dir.join("shot.png")).is_ok_and(|shot| shot.len() > 1000), "{text}");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn the_text_of_a_report_is_that_of_falco() {
    let rules = eyas_report::rules(&[eyas_testing::root().join("demo/rules.yaml")]).unwrap();
    let text = eyas_report::text(&demo(), &rules, &Inspector::default).unwrap();
    let expected = eyas_testing::root().join("examples/falco/tests/incident.txt");
    assert_eq!(text, std::fs::read_to_string(expected).unwrap());
}
