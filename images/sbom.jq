# From the packages that images/sbom.sh found to the SPDX 2.3 document.
def id: "SPDXRef-" + gsub("[^A-Za-z0-9.]"; "-");
def sha256: [{algorithm: "SHA256", checksumValue: .}];
def related($from; $type; $to):
  {spdxElementId: $from, relationshipType: $type, relatedSpdxElement: $to};
def data: .name == "ca-certificates" or .name == "tzdata";
def unknown: {downloadLocation: "NOASSERTION", filesAnalyzed: false,
  licenseConcluded: "NOASSERTION", licenseDeclared: "NOASSERTION", copyrightText: "NOASSERTION"};
def purl($kind; $name; $version; $rest):
  [{referenceCategory: "PACKAGE-MANAGER", referenceType: "purl",
    referenceLocator: "pkg:\($kind)/\($name)@\($version | @uri)?\($rest)"}];

sort_by(.name) as $parts
| ("image-" + $program | id) as $image_id | ($program | id) as $program_id
| {
  spdxVersion: "SPDX-2.3",
  dataLicense: "CC0-1.0",
  SPDXID: "SPDXRef-DOCUMENT",
  name: "\($program)-\($version)",
  creationInfo: {created: ($epoch | tonumber | todate), creators: ["Tool: images/sbom.sh"]},
  packages: (
    [unknown + {name: $program, SPDXID: $image_id, versionInfo: $version,
        primaryPackagePurpose: "CONTAINER", checksums: ($image | sha256),
        externalRefs: purl("oci"; $program; "sha256:" + $image; "tag=" + $version)},
      unknown + {name: $program, SPDXID: $program_id, versionInfo: $version,
        primaryPackagePurpose: "APPLICATION", checksums: ($binary | sha256),
        packageFileName: "/\($program)"}
        + if $revision == "" then {} else {sourceInfo: "built from commit \($revision)"} end]
    + [$parts[] | unknown + {name, SPDXID: (.name | id), versionInfo: .version,
        primaryPackagePurpose: (if data then "OTHER" else "LIBRARY" end),
        licenseDeclared: .license,
        # The words that vulnerability scanners look for.
        sourceInfo: "built package from: \(.source)",
        comment: "contributed \(.files)",
        externalRefs: purl("deb"; $distribution + "/" + .name; .version;
          "arch=\(.arch)&distro=\($distribution)-\($release)")}
        + if .sum == "" then {} else {checksums: (.sum | sha256)} end]
    + [$parts[].sources[] | unknown + {name: .file, SPDXID: (.file | id),
        packageFileName: .file, primaryPackagePurpose: "SOURCE", checksums: (.sum | sha256)}]),
  relationships: (
    [related("SPDXRef-DOCUMENT"; "DESCRIBES"; $image_id),
      related($image_id; "CONTAINS"; $program_id)]
    + [$parts[] | if data
        then related($image_id; "CONTAINS"; .name | id)
        else related($program_id; "STATIC_LINK"; .name | id) end]
    + [$parts[] | .name as $name | .sources[]
        | related($name | id; "GENERATED_FROM"; .file | id)]),
  hasExtractedLicensingInfos: [{licenseId: "LicenseRef-public-domain", name: "Public domain",
    extractedText: "This database is in the public domain."}]
}
