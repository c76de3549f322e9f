//! Writes the inputs that are made into their folders, over what is there by the same names.
#![forbid(unsafe_code)]

use std::path::Path;

fn main() -> std::io::Result<()> {
    for (target, name, input) in fuzz::seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("seeds")
            .join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), input)?;
    }
    Ok(())
}
