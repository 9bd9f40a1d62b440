//! What is stored: the store ports over MySQL, with caches in Redis.

mod app;

use std::process::ExitCode;

use app::App;

fn main() -> ExitCode {
    gochat_infra::process::program::main::<App>()
}
