//! Tests of the files in `packaging/`.

mod packaging {
    mod dist;
    mod image;
    mod install;
    mod kubernetes;
    mod place;
    mod unit;
}

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}
