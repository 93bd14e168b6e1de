//! What `packaging/` has does what it is for.

mod packaging {
    pub mod place;
    mod unit;
}

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}
