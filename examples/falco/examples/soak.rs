//! Runs falco for minutes with every output, under a load of builds and connections. Measures processor
//! time, memory and losses.
//!
//! `cargo xtask soak` runs it: `soak FALCO MINUTES RULES...`.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use eyas_console::{note, say};
use server::Count;

#[path = "../tests/receivers/broker.rs"]
mod broker;
#[path = "../tests/grpc/client.rs"]
#[expect(dead_code, reason = "only a part is of use here")]
mod client;
#[path = "../tests/receivers/server.rs"]
mod server;

/// Number of measurements during the run.
const LOOKS: u32 = 12;
/// Approximate number of alerts per second.
const PACE: u64 = 20;
/// Maximum growth of memory from the first third of the measurements to the last.
const GROWTH: f64 = 1.10;
const LOG: &str = "/dev/log";
const SOURCE: &str =
    "#include <stdio.h>\n#include <stdlib.h>\nint main(void) { return printf(\"%d\\n\", rand()) < 0; }\n";

type Outcome<T> = Result<T, String>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.as_slice() {
        [falco, minutes, rules @ ..] => soak(Path::new(falco), minutes, rules),
        _ => Err("usage: soak FALCO MINUTES RULES...".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// A directory, and the socket of a log daemon if this program created it. Both are removed at the end.
struct Place {
    dir: PathBuf,
    has_log: bool,
}

impl Place {
    fn new() -> Outcome<Self> {
        let dir = std::env::temp_dir().join(format!("eyas-soak-{}", std::process::id()));
        std::fs::create_dir_all(&dir).map_err(text)?;
        Ok(Self { dir, has_log: false })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn write(&self, name: &str, text: &str) -> Outcome<PathBuf> {
        let path = self.path(name);
        std::fs::write(&path, text).map_err(self::text)?;
        Ok(path)
    }

    /// Makes sure that a log daemon runs. If it is this program's own, counts its messages.
    fn log_daemon(&mut self) -> Outcome<Option<Count>> {
        if Path::new(LOG).exists() {
            return Ok(None);
        }
        let daemon = UnixDatagram::bind(LOG).map_err(|error| format!("{LOG}: {error}"))?;
        self.has_log = true;
        let count = Count::default();
        let got = Arc::clone(&count);
        std::thread::spawn(move || {
            let mut bytes = [0; 8192];
            while daemon.recv(&mut bytes).is_ok() {
                got.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(Some(count))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
        if self.has_log {
            let _ = std::fs::remove_file(LOG);
        }
    }
}

/// Ends with this.
struct Falco(Child);

impl Drop for Falco {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Counts lines until the end.
fn count_lines(from: impl Read + Send + 'static) -> Count {
    let count = Count::default();
    let got = Arc::clone(&count);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            got.fetch_add(u64::from(line.contains("soak opened")), Ordering::Relaxed);
        }
    });
    count
}

/// A client that subscribes to the alerts.
fn subscriber(socket: PathBuf) -> Count {
    let count = Count::default();
    let got = Arc::clone(&count);
    std::thread::spawn(move || {
        let client = client::Client::unix(&socket);
        let Ok(mut stream) = client.sub() else { return };
        while client::next(&client, &mut stream).is_some() {
            got.fetch_add(1, Ordering::Relaxed);
        }
    });
    count
}

fn soak(falco: &Path, minutes: &str, rules: &[String]) -> Outcome<()> {
    let minutes: f64 = minutes.parse().map_err(|_| format!("`{minutes}` is no number of minutes"))?;
    let mut place = Place::new()?;
    let watched = place.write("watched", "")?;
    let own = format!(
        "- {{rule: soak, desc: d, condition: 'evt.type in (open, openat) and fd.name = {}', output: 'soak opened %evt.num', \
         priority: INFO}}\n",
        watched.display()
    );
    let own = place.write("own.yaml", &own)?;
    let source = place.write("main.c", SOURCE)?;
    let ((http, requests), (otlp, exports)) = (server::server(), server::server());
    let (address, records) = broker::broker(&[broker::TOPIC], &[]);
    let records = {
        let count = Count::default();
        let got = Arc::clone(&count);
        std::thread::spawn(move || {
            for (_, values) in records {
                got.fetch_add(values.len() as u64, Ordering::Relaxed);
            }
        });
        count
    };
    let log_daemon = place.log_daemon()?;
    let (socket, alerts, by_program) =
        (place.path("grpc.sock"), place.path("alerts"), place.path("by-program"));
    let options = [
        "stdout_output.enabled=true".to_owned(),
        "syslog_output.enabled=true".to_owned(),
        "file_output.enabled=true".to_owned(),
        "file_output.keep_alive=true".to_owned(),
        format!("file_output.filename={}", alerts.display()),
        "program_output.enabled=true".to_owned(),
        "program_output.keep_alive=true".to_owned(),
        format!("program_output.program=cat > {}", by_program.display()),
        "http_output.enabled=true".to_owned(),
        format!("http_output.url=http://{http}/"),
        "otlp_output.enabled=true".to_owned(),
        format!("otlp_output.endpoint=http://{otlp}/v1/logs"),
        "kafka_output.enabled=true".to_owned(),
        format!("kafka_output.brokers=[{address}]"),
        format!("kafka_output.topic={}", broker::TOPIC),
        "grpc.enabled=true".to_owned(),
        "grpc_output.enabled=true".to_owned(),
        format!("grpc.bind_address=unix://{}", socket.display()),
    ];
    let report = place.path("report");
    let mut command = Command::new(falco);
    command.args(["-c", "/dev/null", "-v"]);
    rules.iter().for_each(|file| {
        command.args(["-r", file]);
    });
    command.arg("-r").arg(&own);
    options.iter().for_each(|option| {
        command.args(["-o", option]);
    });
    for variable in ["http_proxy", "HTTP_PROXY"] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&report).map_err(text)?);
    let mut falco = Falco(command.spawn().map_err(text)?);
    let printed = count_lines(falco.0.stdout.take().ok_or("no standard output")?);
    wait_until_it_captures(&mut falco, &report)?;
    let subscribed = subscriber(socket);
    let load = Load::default();
    let looks = scope(|scope| {
        scope.spawn(|| load.builds(&source));
        scope.spawn(|| load.connections());
        scope.spawn(|| load.alerts(&watched));
        let looks = look(&falco, Duration::from_secs_f64(60.0 * minutes));
        load.is_over.store(true, Ordering::Relaxed);
        looks
    });
    let [builds, connections, opens] =
        [&load.builds, &load.connections, &load.opens].map(|count| count.load(Ordering::Relaxed));
    say!("load: {builds} builds, {connections} connections, {opens} opens of the file that a rule is about");
    // Waits until the last alerts are delivered.
    sleep(Duration::from_secs(2));
    let pid = rustix::process::Pid::from_child(&falco.0);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).map_err(text)?;
    let status = falco.0.wait().map_err(text)?;
    let report = std::fs::read_to_string(&report).map_err(text)?;
    let lines = |path: &Path| File::open(path).map(BufReader::new).map(|file| file.lines().count() as u64);
    let got = |count: &Count| count.load(Ordering::Relaxed);
    let all = lines(&alerts).map_err(text)?;
    say!(
        "alerts: {all} in the file, {} by the program, {} printed of the load",
        lines(&by_program).map_err(text)?,
        got(&printed)
    );
    say!(
        "  {} requests by HTTP, {} records of Kafka, {} by gRPC, {} requests of OTLP, {}",
        got(&requests),
        got(&records),
        got(&subscribed),
        got(&exports),
        log_daemon.map_or("this machine's log daemon got the rest".to_owned(), |count| format!(
            "{} in the log",
            got(&count)
        ))
    );
    for line in report.lines().filter(|line| line.starts_with("Driver ") || line.contains("eps")) {
        say!("{line}");
    }
    if !status.success() {
        return Err(format!("falco ended with {status}\n{report}"));
    }
    judge(&looks, &report)
}

fn wait_until_it_captures(falco: &mut Falco, report: &Path) -> Outcome<()> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let said = std::fs::read_to_string(report).unwrap_or_default();
        if said.contains("One ring buffer every") {
            return Ok(());
        }
        if Instant::now() > until || falco.0.try_wait().map_err(text)?.is_some() {
            return Err(format!("falco does not capture\n{said}"));
        }
        sleep(Duration::from_millis(20));
    }
}

/// The load on the machine during the run.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    builds: AtomicU64,
    connections: AtomicU64,
    opens: AtomicU64,
}

impl Load {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// Compiles and links a program, again and again.
    fn builds(&self, source: &Path) {
        while self.goes_on() {
            let done = Command::new("cc")
                .arg("-O2")
                .arg(source)
                .arg("-o")
                .arg(source.with_extension("out"))
                .status();
            match done {
                Ok(status) if status.success() => drop(self.builds.fetch_add(1, Ordering::Relaxed)),
                _ => return note!("no C compiler works: nothing is built"),
            }
        }
    }

    /// Connects over loopback, sends, receives and closes.
    fn connections(&self) {
        let Ok(listener) = TcpListener::bind("127.0.0.1:0") else { return };
        let Ok(address) = listener.local_addr() else { return };
        scope(|scope| {
            scope.spawn(move || {
                let mut bytes = [0; 512];
                for mut stream in listener.incoming().map_while(Result::ok) {
                    match stream.read(&mut bytes) {
                        Ok(1..) => drop(stream.write_all(&bytes)),
                        _ => return,
                    }
                }
            });
            while self.goes_on() {
                let done = TcpStream::connect(address).and_then(|mut stream| {
                    stream.write_all(&[1; 512])?;
                    stream.read_exact(&mut [0; 512])
                });
                self.connections.fetch_add(u64::from(done.is_ok()), Ordering::Relaxed);
            }
            // Sends nothing, so that the other end returns.
            drop(TcpStream::connect(address));
        });
    }

    fn alerts(&self, watched: &Path) {
        while self.goes_on() {
            self.opens.fetch_add(u64::from(File::open(watched).is_ok()), Ordering::Relaxed);
            sleep(Duration::from_millis(1000 / PACE));
        }
    }
}

/// One measurement: processor time of the program, s, and its memory, KiB.
type Look = (f64, f64);

fn look(falco: &Falco, duration: Duration) -> Vec<Look> {
    let pid = falco.0.id();
    let mut looks = vec![(cpu_time(pid), rss(pid))];
    let began = Instant::now();
    say!("minutes  processor (of one core)  memory, KiB");
    for n in 1..=LOOKS {
        let until = duration * n / LOOKS;
        sleep(until.saturating_sub(began.elapsed()));
        let (now, before) = ((cpu_time(pid), rss(pid)), looks[looks.len() - 1]);
        let share = 100.0 * (now.0 - before.0) * f64::from(LOOKS) / duration.as_secs_f64();
        say!("{:7.1}  {share:20.1} %  {:11.0}", until.as_secs_f64() / 60.0, now.1);
        looks.push(now);
    }
    let share = 100.0 * (looks[looks.len() - 1].0 - looks[0].0) / began.elapsed().as_secs_f64();
    say!("processor time in all: {share:.1} % of one core");
    looks
}

/// Checks that nothing was lost and that the memory did not grow.
fn judge(looks: &[Look], report: &str) -> Outcome<()> {
    let drops = report.lines().find_map(|line| line.strip_prefix("Driver Drops:")).unwrap_or("?");
    if drops.trim() != "0" {
        return Err(format!("{drops} events were lost"));
    }
    if report.contains("Lost by outputs") {
        let lost: Vec<&str> = report.lines().skip_while(|line| !line.contains("Lost by outputs")).collect();
        return Err(lost.join("\n"));
    }
    let third = looks.len() / 3;
    let mean = |looks: &[Look]| looks.iter().map(|(_, rss)| rss).sum::<f64>() / looks.len() as f64;
    // The first look is before the load.
    let (first, last) = (mean(&looks[1..=third]), mean(&looks[looks.len() - third..]));
    say!(
        "memory: {first:.0} KiB in the first third, {last:.0} KiB in the last; events lost: 0; alerts lost: 0"
    );
    match last > GROWTH * first {
        true => Err("the memory grows".to_owned()),
        false => Ok(()),
    }
}

/// Resident memory, KiB; 0 if the process has ended.
fn rss(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    size.and_then(|size| size.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}

/// Processor time that the process used so far, s; 0 if it has ended.
fn cpu_time(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name, which may contain any character, ends at the last parenthesis. The fields from the third on
    // follow it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    ticks.sum::<u64>() as f64 / rustix::param::clock_ticks_per_second() as f64
}
