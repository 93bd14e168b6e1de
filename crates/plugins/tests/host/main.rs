//! The host of plugins, with plugins that these tests compile from C.

mod asynchronous;
mod build;
mod extract;
mod hostile;
mod init;
mod load;
mod routing;
mod source;
mod tables;
mod whole;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}
