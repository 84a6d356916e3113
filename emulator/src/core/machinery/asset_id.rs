//! The two ids of a registry's assets: the ARM id, and `azureml://registries/…`, which does not tell where the registry is
//! (§C.2).

use serde_json::Value;

use super::call::Door;
use crate::core::Core;

/// Whether a registry's assets are shown by the shorter id at a door.
pub fn is_short(core: &Core, door: Door) -> bool {
    door == Door::Mfe || core.config.inferred.registry_asset_id_as_uri
}

/// A stored document as it is shown at a door. Only that of a registry's asset differs.
pub fn shown(core: &Core, door: Door, mut document: Value) -> Value {
    let id = document["id"].as_str().unwrap_or_default();
    let below = id.split_once("/registries/").filter(|(_, path)| path.contains('/'));
    if let Some((_, path)) = below
        && is_short(core, door)
    {
        document["id"] = format!("azureml://registries/{path}").into();
    }
    document
}
