//! `cargo xtask image`: the operator's container image, without a container engine.
//!
//! The image is that of the `Containerfile`: one static program and the certificate authorities, on nothing. It is written as
//! an OCI archive, which `podman load`, `skopeo copy` and `ctr image import` read; what is in the program is written beside
//! it as CycloneDX.

mod authorities;
mod sbom;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use e2e::image::{Image, ImageFile};
use e2e::process;
use serde_json::{Value, json};

use crate::test::cargo;
use crate::{Outcome, repository};

/// Where images go.
const OUT: &str = "target/image";
/// Who the program is in the container: nobody that a machine knows. The chart says the same.
const USER: &str = "65532:65532";
const ENTRYPOINT: &str = "/bindery";
/// The name under which containerd imports it; the chart's defaults.
const NAME: &str = concat!("docker.io/library/bindery:", env!("CARGO_PKG_VERSION"));
/// That of the operator's Cargo.toml.
const DESCRIPTION: &str =
    "A Kubernetes operator that runs a machine-learning model registry from Git, on Azure Machine Learning";
/// Where the program's TLS library looks for certificate authorities.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What `cargo xtask image` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The processor that the image is for
    #[arg(long, value_enum, default_value_t = Arch::Amd64)]
    arch: Arch,
    /// Where the archive and the list of what is in it go
    #[arg(long, value_name = "DIR", default_value = OUT)]
    out: PathBuf,
}

/// A processor, by the name that images have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Arch {
    Amd64,
    Arm64,
}

impl Arch {
    fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Rust's name for it, with musl, whose programs need no library of the machine.
    fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-musl",
            Self::Arm64 => "aarch64-unknown-linux-musl",
        }
    }

    /// The C compiler for AWS-LC: cargo's variable for it, and how it is called.
    fn compiler(self) -> Result<(&'static str, String), String> {
        let (variable, usual) = match self {
            Self::Amd64 => ("CC_x86_64_unknown_linux_musl", "musl-gcc"),
            Self::Arm64 => ("CC_aarch64_unknown_linux_musl", "aarch64-linux-musl-gcc"),
        };
        if let Ok(chosen) = std::env::var(variable) {
            return Ok((variable, chosen));
        }
        if process::find_program(Path::new(usual)).is_some() {
            return Ok((variable, usual.into()));
        }
        Err(format!(
            "there is no {usual}: install it (for amd64 Debian has it in musl-tools), or name another C compiler \
             for musl in {variable}; see docs/guide/operations.md"
        ))
    }
}

/// What the image says to whoever runs it.
fn config() -> Value {
    let labels = [
        ("title", "bindery"),
        ("description", DESCRIPTION),
        ("source", env!("CARGO_PKG_REPOSITORY")),
        ("licenses", env!("CARGO_PKG_LICENSE")),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    let labels: BTreeMap<String, &str> =
        labels.map(|(name, value)| (format!("org.opencontainers.image.{name}"), value)).into();
    json!({
        "Entrypoint": [ENTRYPOINT],
        "Env": [format!("SSL_CERT_FILE={AUTHORITIES}")],
        "Labels": labels,
        "User": USER,
    })
}

/// Runs `cargo xtask image`.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    make(arguments).map(drop)
}

/// Makes the image for the node of this machine; where its archive is.
pub(crate) fn for_this_machine() -> Result<PathBuf, Box<dyn std::error::Error>> {
    let arch = if cfg!(target_arch = "aarch64") { Arch::Arm64 } else { Arch::Amd64 };
    make(&Arguments { arch, out: OUT.into() })
}

fn make(arguments: &Arguments) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let program = build(arguments.arch)?;
    let program = fs::read(&program).map_err(|why| format!("{}: {why}", program.display()))?;
    let size = megabytes(program.len());
    let image = Image {
        name: NAME.into(),
        architecture: arguments.arch.name(),
        config: config(),
        files: vec![
            ImageFile { path: ENTRYPOINT, executable: true, bytes: program },
            ImageFile { path: AUTHORITIES, executable: false, bytes: authorities::pem().into_bytes() },
        ],
    };
    let out = repository().join(&arguments.out);
    fs::create_dir_all(&out)?;
    let write = |ending: &str, bytes: &[u8]| {
        let path = out.join(format!("bindery-{}.{ending}", arguments.arch.name()));
        fs::write(&path, bytes).map_err(|why| format!("{}: {why}", path.display()))?;
        println!("{} ({:.1} MB)", path.display(), megabytes(bytes.len()));
        Ok::<_, String>(path)
    };
    let sbom = sbom::of_the_operator(arguments.arch.target())?;
    write("cdx.json", format!("{sbom:#}\n").as_bytes())?;
    let archive = write("oci.tar", &image.archive()?)?;
    println!("the program alone has {size:.1} MB; {:.1} s", begun.elapsed().as_secs_f32());
    Ok(archive)
}

#[expect(clippy::cast_precision_loss, reason = "one digit after the point is printed")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// Builds the static program, and says where it is.
fn build(arch: Arch) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let target = arch.target();
    let (variable, compiler) = arch.compiler()?;
    let added = std::process::Command::new("rustup").args(["target", "add", target]).status();
    if !added.is_ok_and(|status| status.success()) {
        println!("rustup could not add {target}; going on, for it may be there all the same");
    }
    let mut command = cargo();
    command
        .args([
            "build",
            "--locked",
            "--release",
            "--package",
            "bindery",
            "--bin",
            "bindery",
            "--target",
            target,
        ])
        .args(["--message-format", "json-render-diagnostics"])
        .env(variable, compiler)
        .stderr(std::process::Stdio::inherit());
    if arch == Arch::Arm64 {
        // Rust brings this linker, and for musl all that is linked; the machine's own knows no other processor.
        command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld");
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err("the operator does not build; see above".into());
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .ok_or_else(|| "cargo did not say where it put the operator".into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What the last stage of the Containerfile says, in the form of an image's configuration.
    fn of_containerfile(text: &str) -> Value {
        let (_, last) = text.split_once("\nFROM scratch\n").unwrap();
        let mut config = json!({"Labels": {}, "Env": []});
        for line in last.lines().filter(|line| !line.is_empty()) {
            let (instruction, rest) = line.split_once(' ').unwrap();
            let pair = || rest.split_once('=').map(|(name, value)| (name, value.trim_matches('"')));
            match instruction {
                "COPY" => assert_eq!(rest, "--from=build /image/ /"),
                "LABEL" => config["Labels"][pair().unwrap().0] = pair().unwrap().1.into(),
                "ENV" => {
                    let (name, value) = pair().unwrap();
                    config["Env"].as_array_mut().unwrap().push(format!("{name}={value}").into());
                }
                "USER" => config["User"] = rest.into(),
                "ENTRYPOINT" => config["Entrypoint"] = serde_json::from_str(rest).unwrap(),
                other => panic!("{other}: say here what it means for `cargo xtask image`"),
            }
        }
        config
    }

    #[test]
    fn the_containerfile_makes_the_same_image() {
        let text = include_str!("../../../Containerfile");
        assert_eq!(of_containerfile(text), config());
        for path in [ENTRYPOINT, AUTHORITIES] {
            assert!(text.contains(&format!(" /image{path}")), "{path}");
        }
        let cargo = include_str!("../../../Cargo.toml");
        assert!(cargo.contains(&format!("description = \"{DESCRIPTION}\"")));
        let values = include_str!("../../../charts/bindery/values.yaml");
        assert!(values.contains("runAsUser: 65532\n  runAsGroup: 65532\n"));
    }
}
