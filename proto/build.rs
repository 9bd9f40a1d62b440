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

    const FILES: [&str; 4] = [
        "gochat/types/v1/types.proto",
        "gochat/events/v1/events.proto",
        "gochat/repo/v1/repo.proto",
        "gochat/logic/v1/logic.proto",
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
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
