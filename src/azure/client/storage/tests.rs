use super::*;

const PAGE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<EnumerationResults ServiceEndpoint="https://a.blob.core.windows.net/" ContainerName="c"><Prefix>m</Prefix><Blobs>
<Blob><Name>m</Name><Properties><Content-Length>0</Content-Length><Etag>0x1</Etag><Content-MD5 /><ResourceType>directory</ResourceType></Properties></Blob>
<Blob><Name>m/d</Name><Properties><Content-Length>0</Content-Length><Etag>0x2</Etag></Properties><Metadata><hdi_isfolder>true</hdi_isfolder></Metadata></Blob>
<Blob><Name>m/a &amp; b&lt;.txt</Name><Properties><Creation-Time>x</Creation-Time><Etag>0x3</Etag><Content-Length>12</Content-Length><Content-MD5>q4==</Content-MD5></Properties><OrMetadata /></Blob>
<Blob><Name>m/e</Name><Properties><Etag>"0x4"</Etag><Content-Length>7</Content-Length><Content-MD5/></Properties></Blob>
</Blobs><NextMarker>2!76!x--</NextMarker></EnumerationResults>"#;

fn file(name: &str, size: u64, etag: &str, md5: Option<&str>) -> File {
    File { name: name.into(), size, etag: etag.into(), md5: md5.map(str::to_owned) }
}

#[test]
fn a_list_of_blobs_has_files_and_no_folders() {
    let expected = vec![file("m/a & b<.txt", 12, "0x3", Some("q4==")), file("m/e", 7, "0x4", None)];
    assert_eq!(blobs(PAGE.as_bytes()), Some(expected));
    assert_eq!(next_marker(PAGE.as_bytes()).as_deref(), Some("2!76!x--"));
    let last = PAGE.replace("<NextMarker>2!76!x--</NextMarker>", "<NextMarker />");
    assert_eq!(next_marker(last.as_bytes()), None);
    let empty = "<EnumerationResults ContainerName=\"c\"><Blobs /><NextMarker /></EnumerationResults>";
    assert_eq!(blobs(empty.as_bytes()), Some(vec![]));
    // A list with holes would look like a model with fewer files.
    for odd in [
        "<html></html>".to_owned(),
        PAGE.replace("<Name>m/e</Name>", "<Name Encoded=\"true\">m%00e</Name>"),
        PAGE.replace("<Content-Length>7</Content-Length>", ""),
        PAGE.replace("<Content-Length>7<", "<Content-Length>many<"),
    ] {
        assert_eq!(blobs(odd.as_bytes()), None, "{odd}");
    }
}

#[test]
fn a_list_of_blocks_has_those_that_are_not_part_of_the_blob() {
    let body = "<BlockList><CommittedBlocks><Block><Name>QQ==</Name><Size>1</Size></Block></CommittedBlocks>\
                <UncommittedBlocks><Block><Name>Qg==</Name><Size>2</Size></Block></UncommittedBlocks></BlockList>";
    assert_eq!(uncommitted(body.as_bytes()), Some(vec![Block { id: "Qg==".into(), size: 2 }]));
    assert_eq!(uncommitted(b"<BlockList><CommittedBlocks /></BlockList>"), Some(vec![]));
    assert_eq!(uncommitted(b"<html />"), None);
}

#[test]
fn a_signature_stays_in_its_url() {
    let signed = Signed::of("https://a.blob.core.windows.net/c?sv=1&sig=SECRET");
    let url = signed.blob("m/a b#c?d", &[("comp", "block"), ("blockid", "QQ==")]).expect("a URL");
    assert_eq!(
        url.as_str(),
        "https://a.blob.core.windows.net/c/m/a%20b%23c%3Fd?sv=1&sig=SECRET&comp=block&blockid=QQ%3D%3D"
    );
    assert_eq!(signed.unsigned(), "https://a.blob.core.windows.net/c");
    assert!(!format!("{signed:?}").contains("SECRET"));
    for name in ["m/../../other/x", "./x", "m//x", "m\\..\\x", "m/a\nb", "/x"] {
        let error = signed.blob(name, &[]).expect_err(name);
        assert!(error.class == Class::Permanent && !error.message.contains("SECRET"), "{error}");
    }
}

#[test]
fn what_storage_says_is_an_error_with_its_code() {
    let head = |status| Head { host: "a.blob.core.windows.net".into(), status, ..Head::default() };
    let body = "<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code><Message>Signature did not match. https://a/b?sig=SECRET\nRequestId:1\nTime:2</Message></Error>";
    let error = refusal(&head(403), Some("AuthenticationFailed"), body.as_bytes());
    assert_eq!((error.class, error.code.as_deref()), (Class::Unauthorized, Some("AuthenticationFailed")));
    assert_eq!(error.message, "a.blob.core.windows.net answered: Signature did not match. https://a/b");
    for (status, class) in [
        (404, Class::NotFound),
        (412, Class::Conflict),
        (409, Class::Conflict),
        (503, Class::Transient),
        (400, Class::Permanent),
    ] {
        assert_eq!(refusal(&head(status), None, b"").class, class, "{status}");
    }
}
