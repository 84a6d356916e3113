//! Which files have arrived, and which blocks are fetched next.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::azure::model::{Block, File, Part, Piece, ResourceId, Uploaded, folded};
use crate::decide::digest::short_hash;

/// Bytes of a block. Storage takes up to 4000 MiB in one, but answers only when it has them, and a request of ours may take
/// half a minute: a block of this size gets through at 2 MiB a second.
const BLOCK: u64 = 64 * 1024 * 1024;

/// Blocks that a file may have at most [DOC put-block-list].
const MOST_BLOCKS: u64 = 50_000;

/// Bytes that one call asks for: 10 GB are ten calls.
const AT_ONCE: u64 = 16 * BLOCK;

/// Files that one call is about.
const FILES_AT_ONCE: usize = 64;

/// The id of a pending upload, as Azure forms its own. Whatever makes it another copy is in it: the source, when it was made,
/// what it is copied to, and every file with the tag that changes when the file does.
pub(super) fn upload_id(
    from: &ResourceId,
    made: Option<Timestamp>,
    to: &ResourceId,
    files: &[File],
) -> String {
    let made = made.map(|made| made.to_string()).unwrap_or_default();
    let mut text = format!("{}\n{made}\n{}\n", folded(from.as_str()), folded(to.as_str()));
    for file in files {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{:?} {} {}", file.name, file.size, file.etag);
    }
    let hash = short_hash(&text, 16);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &hash[part]);
    parts.join("-")
}

/// How far a copy is, and what is to be fetched next.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    /// How many files there are, and how many have arrived.
    pub files: (i64, i64),
    /// The same in bytes; those of a file that is not complete count as far as they are there.
    pub bytes: (i64, i64),
    /// What one call fetches; empty where everything has arrived.
    pub parts: Vec<Part>,
    /// A file in the upload that the source does not have.
    pub stranger: Option<String>,
}

/// The first file of several blocks that has not arrived. Such files are copied one after the other, so that storage has to
/// be asked for the blocks of one alone.
pub(super) fn in_blocks<'a>(files: &'a [File], uploaded: &Uploaded) -> Option<&'a File> {
    files.iter().find(|file| file.size > block_of(file) && !has_arrived(file, uploaded))
}

/// A file has arrived where its size is the source's, and its MD5 where both sides have one.
fn has_arrived(file: &File, uploaded: &Uploaded) -> bool {
    let same_md5 = |there: &File| match (&file.md5, &there.md5) {
        (Some(here), Some(there)) => here == there,
        _ => true,
    };
    uploaded.files.iter().any(|there| there.name == file.name && there.size == file.size && same_md5(there))
}

/// The size of the blocks of a file.
fn block_of(file: &File) -> u64 {
    BLOCK.max(file.size.div_ceil(MOST_BLOCKS))
}

/// All blocks of a file, in order: their ids have one length, and are the same for the same file.
fn pieces_of(file: &File) -> Vec<Piece> {
    let block = block_of(file);
    let piece = |number: u64| {
        let offset = number * block;
        Piece { id: id_of(number), offset, size: block.min(file.size - offset) }
    };
    (0..file.size.div_ceil(block)).map(piece).collect()
}

/// A number below 10^6 in base64, which has all its digits.
fn id_of(number: u64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = format!("{number:06}");
    let groups = text.as_bytes().chunks_exact(3).flat_map(|three| {
        let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]))
    });
    groups.collect()
}

impl Plan {
    /// Of these files, with what has arrived of them and of the one that comes in blocks.
    pub fn of(files: &[File], uploaded: &Uploaded, blocks: &(String, Vec<Block>)) -> Self {
        let large = in_blocks(files, uploaded).map(|file| &file.name);
        let there: BTreeMap<&str, u64> =
            blocks.1.iter().map(|block| (block.id.as_str(), block.size)).collect();
        let (mut parts, mut arrived, mut bytes, mut asked) = (vec![], 0, 0, 0);
        for file in files {
            if has_arrived(file, uploaded) {
                arrived += 1;
                bytes += file.size;
                continue;
            }
            let all = pieces_of(file);
            let is_there = |piece: &Piece| {
                Some(&file.name) == large
                    && *file.name == blocks.0
                    && there.get(piece.id.as_str()) == Some(&piece.size)
            };
            bytes += all.iter().filter(|piece| is_there(piece)).map(|piece| piece.size).sum::<u64>();
            let waits = all.len() > 1 && Some(&file.name) != large;
            if waits || asked >= AT_ONCE || parts.len() >= FILES_AT_ONCE {
                continue;
            }
            let ids: Vec<String> = all.iter().map(|piece| piece.id.clone()).collect();
            let missing: Vec<Piece> = all.into_iter().filter(|piece| !is_there(piece)).collect();
            let mut pieces = vec![];
            for piece in &missing {
                // At least one, or a large block would never be asked for.
                if asked >= AT_ONCE {
                    break;
                }
                asked += piece.size;
                pieces.push(piece.clone());
            }
            let complete = (pieces.len() == missing.len()).then_some(ids);
            parts.push(Part { file: file.clone(), pieces, complete });
        }
        let is_one = |there: &&File| files.iter().any(|file| file.name == there.name);
        let stranger = uploaded.files.iter().find(|there| !is_one(there)).map(|there| there.name.clone());
        Self {
            files: (count(files.len()), count(arrived)),
            bytes: (total(files), whole(bytes)),
            parts,
            stranger,
        }
    }

    /// `3 of 7 files, 1.2 of 10.3 GB`.
    pub fn progress(&self) -> String {
        let (files, arrived) = self.files;
        let noun = if files == 1 { "file" } else { "files" };
        let (all, bytes) = self.bytes;
        let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
        let unit = units.into_iter().find(|(_, size)| all >= *size);
        let amount = match unit {
            Some((unit, size)) => format!("{} of {} {unit}", tenths(bytes, size), tenths(all, size)),
            None => format!("{bytes} of {all} bytes"),
        };
        format!("{arrived} of {files} {noun}, {amount},")
    }
}

/// A number of units with one digit after the point, rounded down: what is not complete does not look so.
fn tenths(bytes: i64, unit: i64) -> String {
    let tenths = bytes / (unit / 10);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The bytes of all files.
pub(super) fn total(files: &[File]) -> i64 {
    whole(files.iter().map(|file| file.size).sum())
}

/// A number for a status.
pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn whole(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The ids of so many blocks.
#[cfg(test)]
pub fn ids(number: u64) -> Vec<String> {
    (0..number).map(id_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, size: u64, etag: &str) -> File {
        File { name: name.into(), size, etag: etag.into(), md5: None }
    }

    /// Whatever makes it another copy makes it another upload; a second look at the same does not.
    #[test]
    fn an_upload_is_of_one_source_as_it_is() {
        let id = |name: &str| ResourceId::registry("s", "rg", name).model_version("taxi", "3");
        let (made, later) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let files = [file("a", 1, "x"), file("b", 2, "y")];
        let same = upload_id(&id("dev"), Some(made), &id("models"), &files);
        assert_eq!(same, upload_id(&id("DEV"), Some(made), &id("models"), &files));
        assert!(crate::azure::model::is_guid(&same), "{same}");
        for other in [
            upload_id(&id("other"), Some(made), &id("models"), &files),
            upload_id(&id("dev"), Some(later), &id("models"), &files),
            upload_id(&id("dev"), Some(made), &id("other"), &files),
            upload_id(&id("dev"), Some(made), &id("models"), &files[..1]),
            upload_id(&id("dev"), Some(made), &id("models"), &[file("a", 1, "x"), file("b", 2, "z")]),
            upload_id(&id("dev"), Some(made), &id("models"), &[file("a", 1, "x"), file("b", 3, "y")]),
            upload_id(&id("dev"), Some(made), &id("models"), &[file("a", 1, "x"), file("c", 2, "y")]),
        ] {
            assert_ne!(same, other);
        }
    }

    #[test]
    fn blocks_cover_a_file_of_any_size() {
        for size in [0, 1, BLOCK, BLOCK + 1, 10_000_000_000, 4 << 40] {
            let all = pieces_of(&file("a", size, "x"));
            assert_eq!(all.iter().map(|piece| piece.size).sum::<u64>(), size);
            assert!(
                all.len() as u64 <= MOST_BLOCKS && all.iter().all(|piece| piece.size <= 4000 << 20),
                "{size}"
            );
            let mut at = 0;
            for (number, piece) in all.iter().enumerate() {
                assert_eq!((piece.offset, piece.id.len()), (at, 8), "{number}");
                at += piece.size;
            }
        }
        assert_eq!(ids(2), ["MDAwMDAw", "MDAwMDAx"]);
        assert_eq!(id_of(49_999), "MDQ5OTk5");
    }

    /// One call asks for so many files, and for so many bytes, whichever is reached first.
    #[test]
    fn a_call_asks_for_no_more_than_it_can_carry() {
        let plan = |files: &[File]| {
            let uploaded = Uploaded { container: String::new(), files: vec![] };
            let parts = Plan::of(files, &uploaded, &(String::new(), vec![])).parts;
            let asked: u64 = parts.iter().flat_map(|part| &part.pieces).map(|piece| piece.size).sum();
            (parts.len(), asked)
        };
        let files = |number: usize, size: u64| -> Vec<File> {
            (0..number).map(|n| file(&format!("f{n}"), size, "x")).collect()
        };
        assert_eq!(plan(&files(FILES_AT_ONCE + 9, 1)), (FILES_AT_ONCE, FILES_AT_ONCE as u64));
        assert_eq!(plan(&files(20, BLOCK)), (16, AT_ONCE));
    }

    /// Ten gigabytes take ten calls, whether in one file or in many.
    #[test]
    fn ten_gigabytes_take_ten_calls() {
        let calls = |files: Vec<File>| {
            let mut uploaded = Uploaded { container: String::new(), files: vec![] };
            let mut blocks: (String, Vec<Block>) = (String::new(), vec![]);
            for calls in 0..100 {
                let plan = Plan::of(&files, &uploaded, &blocks);
                if plan.parts.is_empty() {
                    assert_eq!((plan.bytes.0, plan.files.0), (plan.bytes.1, plan.files.1));
                    return calls;
                }
                for part in plan.parts {
                    if blocks.0 != part.file.name {
                        blocks = (part.file.name.clone(), vec![]);
                    }
                    blocks.1.extend(part.pieces.into_iter().map(|it| Block { id: it.id, size: it.size }));
                    if part.complete.is_some() {
                        uploaded.files.push(part.file);
                    }
                }
            }
            unreachable!("it does not end")
        };
        assert_eq!(calls(vec![file("one", 10_000_000_000, "x")]), 10);
        let many = (0..200).map(|n| file(&format!("f{n}"), 50_000_000, "x"));
        assert!(calls(many.collect()) <= 10);
    }
}
