//! Starting, and refusing to start with one clear line.

use anyhow::{Result, ensure};

use super::server::{Ended, Home};
use crate::Outcome;
use crate::json::Json;
use crate::world::World;

cases! { "process";
    "prints the address; data in a folder" => starts_and_says_where,
    "a port that is taken: one clear line, non-zero exit" => a_busy_port_is_one_clear_line,
    "a second process on the same folder is refused" => a_second_process_on_a_folder_is_refused,
    "an unknown key is an error" => unknown_keys_are_refused,
    "an unknown GOCHAT_* variable is an error" => unknown_variables_are_refused,
    "a value that can't be is an error that names its key" => impossible_values_are_refused,
    "a configuration file that isn't there, or isn't TOML" => bad_files_are_refused,
    "defaults < file < environment < flags" => later_layers_win,
    "`config` prints the effective one without secrets" => config_shows_no_secrets,
    "a database that isn't ours is refused, and stays as it is" => a_foreign_database_is_refused,
    "--help is good" => help_is_there,
    "a restart keeps everything: logins, history, unread" => a_restart_keeps_everything,
}

/// Non-zero exit, no panic, and one line that has these words.
fn refuses(ended: &Ended, words: &[&str]) -> Outcome {
    ensure!(ended.status.code().is_some_and(|code| code != 0), "a non-zero exit, seen {ended:?}");
    ensure!(!ended.output.contains("panicked"), "no panic: {}", ended.output);
    let has = |line: &str| words.iter().all(|word| line.to_lowercase().contains(&word.to_lowercase()));
    ensure!(ended.output.lines().any(has), "one line with {words:?}, seen:\n{}", ended.output);
    Ok(())
}

async fn starts_and_says_where(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&[]).await?;
    server.world.healthy().await?;
    ensure!(home.data().is_dir(), "the data folder is made");
    Ok(())
}

async fn a_busy_port_is_one_clear_line(_: World) -> Outcome {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = taken.local_addr()?.to_string();
    let home = Home::new()?;
    let ended = home.run(&["--listen", &address, "--data", "d"], &[]).await?;
    refuses(&ended, &[&address, "port"])
}

async fn a_second_process_on_a_folder_is_refused(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&[]).await?;
    let data = home.data();
    let other = Home::new()?;
    let ended = other.run(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap_or("")], &[]).await?;
    refuses(&ended, &["data"])?;
    server.world.healthy().await
}

async fn unknown_keys_are_refused(_: World) -> Outcome {
    let home = Home::new()?;
    refuses(&home.run(&["--set", "server.colour=red"], &[]).await?, &["server.colour"])?;
    refuses(&home.run(&["--set", "nonsense.key=1"], &[]).await?, &["nonsense"])?;
    std::fs::write(home.path().join("gochat.toml"), "[server]\nlisten = \"127.0.0.1:0\"\nlistne = 5\n")?;
    refuses(&home.run(&[], &[]).await?, &["listne"])
}

async fn unknown_variables_are_refused(_: World) -> Outcome {
    let home = Home::new()?;
    refuses(&home.run(&[], &[("GOCHAT_SERVER__LISTNE", "127.0.0.1:0")]).await?, &["GOCHAT_SERVER__LISTNE"])?;
    refuses(&home.run(&[], &[("GOCHAT_WHATEVER", "1")]).await?, &["GOCHAT_WHATEVER"])
}

async fn impossible_values_are_refused(_: World) -> Outcome {
    let home = Home::new()?;
    let wrong = [
        "server.listen=nowhere",
        "limits.frame=lots",
        "chat.content=-1",
        "auth.bcrypt_cost=99",
        "auth.access_ttl=soon",
    ];
    for setting in wrong {
        let key = setting.split('=').next().unwrap_or("");
        refuses(&home.run(&["--set", setting], &[]).await?, &[key])?;
    }
    Ok(())
}

async fn bad_files_are_refused(_: World) -> Outcome {
    let home = Home::new()?;
    refuses(&home.run(&["--config", "missing.toml"], &[]).await?, &["missing.toml"])?;
    std::fs::write(home.path().join("bad.toml"), "[server\nlisten = ")?;
    refuses(&home.run(&["--config", "bad.toml"], &[]).await?, &["bad.toml"])
}

async fn later_layers_win(_: World) -> Outcome {
    let home = Home::new()?;
    std::fs::write(
        home.path().join("gochat.toml"),
        "[chat]\ncontent = 100\ngroup_name = 10\nmentions = 10\n",
    )?;
    let env = [("GOCHAT_CHAT__GROUP_NAME", "20"), ("GOCHAT_CHAT__MENTIONS", "20")];
    let shown = home.run(&["config", "--set", "chat.mentions=30"], &env).await?;
    ensure!(shown.status.success(), "config succeeds: {shown:?}");
    for (key, value) in [("content", "100"), ("group_name", "20"), ("mentions", "30")] {
        let has = |line: &str| {
            line.split_once('=').is_some_and(|(k, v)| {
                let key_fits = k.trim() == key || k.trim() == format!("chat.{key}");
                key_fits && v.split_whitespace().next() == Some(value)
            })
        };
        ensure!(shown.output.lines().any(has), "{key} = {value} in\n{}", shown.output);
    }
    Ok(())
}

async fn config_shows_no_secrets(_: World) -> Outcome {
    let home = Home::new()?;
    let secret = "a-secret-of-more-than-thirty-two-bytes";
    std::fs::write(home.path().join("secret"), secret)?;
    let by_env = home.run(&["config"], &[("GOCHAT_AUTH__JWT_SECRET", secret)]).await?;
    let by_file = home.run(&["config"], &[("GOCHAT_AUTH__JWT_SECRET_FILE", "secret")]).await?;
    for shown in [by_env, by_file] {
        ensure!(shown.status.success(), "config succeeds: {shown:?}");
        ensure!(!shown.output.contains(secret), "the secret is shown:\n{}", shown.output);
    }
    Ok(())
}

async fn a_foreign_database_is_refused(_: World) -> Outcome {
    let home = Home::new()?;
    home.start(&[]).await?.kill().await?;
    let databases: Vec<_> = std::fs::read_dir(home.data())?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "db"))
        .collect();
    for path in &databases {
        for aside in ["-wal", "-shm"] {
            let _none = std::fs::remove_file(format!("{}{aside}", path.display()));
        }
        std::fs::write(path, "this is a text of somebody's, and no database at all".repeat(200))?;
    }
    let data = home.data();
    let ended = home.run(&["--listen", "127.0.0.1:0", "--data", data.to_str().unwrap_or("")], &[]).await?;
    refuses(&ended, &["database"])?;
    for path in &databases {
        ensure!(std::fs::read(path)?.starts_with(b"this is a text"), "the file stays as it is");
    }
    Ok(())
}

async fn help_is_there(_: World) -> Outcome {
    let home = Home::new()?;
    let shown = home.run(&["--help"], &[]).await?;
    ensure!(shown.status.success(), "{shown:?}");
    for word in ["--listen", "--data", "--config", "config"] {
        ensure!(shown.output.contains(word), "{word} in\n{}", shown.output);
    }
    refuses(&home.run(&["--nonsense"], &[]).await?, &["--nonsense"])
}

async fn a_restart_keeps_everything(_: World) -> Outcome {
    let home = Home::new()?;
    let server = home.start(&[]).await?;
    let (alice, bob, chat) = server.world.two_friends().await?;
    let group = alice.group(&[&bob]).await?;
    let sent = alice.say_many(&chat, "before", 5).await?;
    alice.say(&group.conversation, "in the group").await?;
    server.signal(rustix::process::Signal::TERM)?;
    same!(server.ended().await?.status.code(), Some(0), "exit code 0");
    let server = home.start(&[]).await?;
    let (alice, bob) = (alice.at(&server.world), bob.at(&server.world));
    same!(bob.history(&chat).await?, sent, "the history");
    same!(bob.unread(&chat).await?, 5, "unread");
    same!(bob.get("/friends").await?.ok(200)?.each("userId")?, vec![alice.id.clone()], "the friends");
    let mut socket = bob.connect().await?;
    let after = alice.say(&chat, "after").await?;
    same!(after.int("seq")?, 6, "sequences to go on");
    socket.hears("after").await?;
    bob.login_again().await?;
    Ok(())
}
