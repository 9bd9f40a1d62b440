//! Brings the schema of a MySQL or MariaDB database up to date: `mysql_migrate mysql://user:password@host/database`, or with
//! the address in `MYSQL_PRIMARY_URL`. Safe to run from several instances at once.

use std::process::ExitCode;

use gochat_infra::mysql::MySqlStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let url = std::env::args().nth(1).or_else(|| std::env::var("MYSQL_PRIMARY_URL").ok());
    let Some(url) = url else {
        eprintln!("usage: mysql_migrate mysql://user:password@host/database");
        return ExitCode::from(2);
    };
    match MySqlStore::migrate(&url).await {
        Ok(number) => {
            println!("the database has schema {number}");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("error: {e}");
            let mut cause = std::error::Error::source(&e);
            while let Some(e) = cause {
                eprintln!("  because {e}");
                cause = e.source();
            }
            ExitCode::FAILURE
        }
    }
}
