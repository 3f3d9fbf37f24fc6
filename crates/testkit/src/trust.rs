//! Authorities that a browser trusts, as if its user had imported them.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::process::{Process, find_program};

/// How long one run of certutil may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Makes an NSS store in a folder and puts authorities, given as PEM, into it.
pub(crate) async fn trust(authorities: &[String], store: &Path) -> Result<()> {
    if authorities.is_empty() {
        return Ok(());
    }
    let program = find_program("BLUEGATE_TEST_CERTUTIL", &["certutil"])?;
    std::fs::create_dir_all(store)?;
    let database = format!("sql:{}", store.display());
    let run = async |arguments: &[&str]| -> Result<()> {
        let mut process = Process::start(&program, ["-d", &database].iter().chain(arguments))?;
        let status = process.wait(LIMIT).await?;
        ensure!(status.success(), "certutil: {}", process.stderr());
        Ok(())
    };
    run(&["-N", "--empty-password"]).await?;
    for (number, authority) in authorities.iter().enumerate() {
        let file = store.join(format!("authority-{number}.pem"));
        std::fs::write(&file, authority)?;
        let (name, file) = (format!("authority {number}"), file.display().to_string());
        run(&["-A", "-t", "C,,", "-n", &name, "-i", &file]).await?;
    }
    Ok(())
}
