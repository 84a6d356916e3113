//! Which of the two positions the emulator takes on what nobody has recorded about Azure.

use std::env;
use std::io::Write;
use std::sync::Once;

use azureml_emulator::Inferred;

/// Names the position: `default` or `opposite`. Default: `default`.
pub const INFERRED_VARIABLE: &str = "BINDERY_E2E_INFERRED";

/// What the environment says.
pub(super) fn inferred() -> Result<Inferred, String> {
    let word = env::var(INFERRED_VARIABLE).unwrap_or_else(|_| "default".into());
    Inferred::named(&word).ok_or_else(|| format!("{INFERRED_VARIABLE}={word}: it is `default` or `opposite`"))
}

/// Tells it once, also where a test's output is captured.
pub(super) fn tell() -> Result<(), String> {
    static TOLD: Once = Once::new();
    let word = if inferred()? == Inferred::default() { "default" } else { "opposite" };
    TOLD.call_once(|| {
        // Whoever closed stderr does not want to know.
        let _ = writeln!(std::io::stderr(), "emulator: {word} position on what is inferred about Azure");
    });
    Ok(())
}
