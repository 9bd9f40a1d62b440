//! What takes long: fan-out to large groups.

mod app;

use std::process::ExitCode;

use app::App;

fn main() -> ExitCode {
    gochat_infra::process::program::main::<App>()
}
