use clap::Args;

/// Levels of `--log-level`.
const LEVELS: [&str; 8] = ["fatal", "critical", "error", "warning", "notice", "info", "debug", "trace"];

/// Options of sysdig that need nothing here, or are about what no longer exists.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Accepted, without effect")]
pub struct Ignored {
    /// The probe is built into this program
    #[arg(short = 'B', long = "bpf", value_name = "PROBE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub bpf: Option<String>,

    /// The modern probe is the only one
    #[arg(long = "modern-bpf")]
    pub modern_bpf: bool,

    /// Each CPU has a buffer
    #[arg(long = "cpus-for-each-buffer", value_name = "COUNT")]
    pub cpus_for_each_buffer: Option<u32>,

    /// The libraries write no log
    #[arg(long = "log-level", value_name = "LEVEL", value_parser = LEVELS)]
    pub log_level: Option<String>,

    /// Tracers are no longer sent
    #[arg(short = 'T', long = "force-tracers-capture")]
    pub tracers: bool,

    /// The fields k8s.* come from container runtimes
    #[arg(short = 'k', long = "k8s-api", value_name = "URL")]
    pub k8s_api: Option<String>,

    /// As --k8s-api
    #[arg(short = 'K', long = "k8s-api-cert", value_name = "FILES")]
    pub k8s_api_cert: Option<String>,

    /// As --k8s-api
    #[arg(long = "node-name", value_name = "NAME")]
    pub node_name: Option<String>,

    /// Mesos is not supported
    #[arg(short = 'm', long = "mesos-api", value_name = "URL")]
    pub mesos_api: Option<String>,
}

impl Ignored {
    /// Notes about the given ignored options.
    pub fn notes(&self) -> Vec<&'static str> {
        [
            (self.bpf.is_some(), "-B: the probe is built in; no file is needed"),
            (self.cpus_for_each_buffer.is_some(), "--cpus-for-each-buffer: each CPU has its own buffer"),
            (self.tracers, "-T: tracers are no longer sent"),
            (
                self.k8s_api.is_some() || self.k8s_api_cert.is_some() || self.node_name.is_some(),
                "-k, -K, --node-name: fields k8s.* come from container runtimes, not from the API server",
            ),
            (self.mesos_api.is_some(), "-m: Mesos is no longer supported"),
        ]
        .into_iter()
        .filter_map(|(given, note)| given.then_some(note))
        .collect()
    }
}
