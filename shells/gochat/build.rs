//! Lists the page's files, so that they become a part of the program.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Write;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let page = Path::new(&env("CARGO_MANIFEST_DIR")).join("../../examples/web/public");
    println!("cargo::rerun-if-changed={}", page.display());
    let mut files = Vec::new();
    walk(&page, &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let path = file.strip_prefix(&page).expect("found below it").to_str().expect("our names are ASCII");
        let mut hasher = DefaultHasher::new();
        fs::read(&file)?.hash(&mut hasher);
        let tag = hasher.finish();
        writeln!(
            table,
            "Asset {{ path: {path:?}, content: include_bytes!({file:?}), tag: \"{tag:016x}\" }},"
        )
        .expect("a string takes all");
    }
    table.push(']');
    fs::write(Path::new(&env("OUT_DIR")).join("page.rs"), table)
}

fn env(name: &str) -> String {
    std::env::var(name).expect("cargo sets it")
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // Folders too: a new file in one must be seen.
        println!("cargo::rerun-if-changed={}", path.display());
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
