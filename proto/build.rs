//! Generates code from `proto/`, without a system `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    #[cfg(feature = "protobuf")]
    protobuf()?;
    Ok(())
}

#[cfg(feature = "protobuf")]
fn protobuf() -> Result<(), Box<dyn std::error::Error>> {
    use std::path::PathBuf;

    const FILES: &[&str] = &[
        "gochat/types/v1/types.proto",
        "gochat/events/v1/events.proto",
        "gochat/repo/v1/archive.proto",
        "gochat/repo/v1/conversations.proto",
        "gochat/repo/v1/directory.proto",
        "gochat/repo/v1/friends.proto",
        "gochat/repo/v1/groups.proto",
        "gochat/repo/v1/logins.proto",
        "gochat/repo/v1/messages.proto",
        "gochat/repo/v1/outbox.proto",
        "gochat/repo/v1/passwords.proto",
        "gochat/repo/v1/users.proto",
        "gochat/logic/v1/accounts.proto",
        "gochat/logic/v1/conversations.proto",
        "gochat/logic/v1/friends.proto",
        "gochat/logic/v1/groups.proto",
        "gochat/logic/v1/messages.proto",
        "gochat/logic/v1/presences.proto",
        "gochat/logic/v1/profiles.proto",
    ];
    // What has passwords and tokens in it; `src/pb/secrets.rs` says how they are shown.
    const SECRET: &[&str] = &[
        ".gochat.logic.v1.LoginGrant",
        ".gochat.logic.v1.RegisterRequest",
        ".gochat.logic.v1.LoginRequest",
        ".gochat.logic.v1.RefreshRequest",
        ".gochat.logic.v1.LogoutRequest",
        ".gochat.logic.v1.AuthenticateRequest",
        ".gochat.logic.v1.PasswordChange",
        ".gochat.repo.v1.PasswordText",
        ".gochat.repo.v1.PasswordHash",
        ".gochat.repo.v1.RefreshDigest",
    ];
    let mut compiler = protox::Compiler::new(["proto"])?;
    // With the comments, which become documentation.
    compiler.include_source_info(true).include_imports(true).open_files(FILES)?;
    let grpc = cfg!(feature = "grpc");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("gochat.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .build_client(grpc)
        .build_server(grpc)
        .build_transport(false)
        .skip_debug(SECRET)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
