// Package dsmtest emulates a Synology NAS over HTTP or HTTPS: the part of DSM's Web API that reads accounts and groups,
// DSM's "SSO client", which signs people in through an OpenID Connect provider, and the package SSO Server, which is one.
//
// It serves the tests of the client and of the plugin, the demo, and `claimsmith dsm-emulator`, which takes Options from a YAML file
// (ReadState). Start makes a NAS that behaves like DSM 7.2, or like the release that Options.Profile names; what
// tests want to go wrong is switched on by knobs in Options and by the setters of NAS. The page /emulator shows the calls. No NAS was at hand when it was
// written: everything in it is taken from public records, or chosen where the records are silent.
//
// # Where the facts come from
//
// Confidence: L recorded on a live DSM by somebody, C seen in the code of a client, D written by a vendor.
//
//	tag     public source                                      confidence   used for
//	GUIDE   Synology, DSM Login Web API Guide                  D            login parameters, codes 100-119 and 400-411
//	KB      Synology Knowledge Center, Auto Block              D            failures counted by address
//	KWENT   kwent/syno, API descriptors of DSM                 D            who may call what
//	CSI     SynologyOpenSource/synology-csi                    C            cookie or _sid, X-SYNO-TOKEN, auth.cgi kept on DSM 7
//	HA      mib1185/py-synologydsm-api, its test data          L            Info maps of DSM 5 to 7, replies of login, logout and errors
//	MIKE    mikespub/synology, schemas, errors, method lists   L            versions and methods by DSM release, 3103, 3201, user and group lists
//	N4S4    N4S4/synology-api, docstrings                      L, C         user list, user get, members, path suffix, parameters
//	GOSYNO  synology-community/go-synology                     C            object form of errors with 403
//	DSMCTL  ychiu1211/dsmctl                                   L            empty lists without a domain, form of an expiry date
//	PROBE   pmilano1/synology-dsm-api, probed shapes           L            NormalUser get, 103 where the syno token is missing
//	DEXFORK maelvls/dex, connector/google                      L            short user list with 2fa_status
//	CCSYNC  a sync tool's backend, measured on DSM 7.2.1       L            User.Group get, 3106, uid as additional field
//	OPDOCS  Authelia, authentik, Pocket ID: Synology guides    L, D         what DSM asks of a provider
//	TSIDP   tailscale/tsidp, issues 146 and 158                L            the username is read from userinfo
//	SSODOC  pulsejet/nextcloud-oidc-login, issue 275           L            discovery of SSO Server: endpoints, scopes, claims
//	E4E     UCSD-E4E ansible roles for DSM                     L            RS256 only, discovery read again at login
//
// # What is unknown, and what was chosen
//
//   - The code for a missing syno token: 103 (PROBE); others report 105 and 119. Options.TokenCode.
//   - Whether 7.3 and 7.4 differ from 7.2 in anything emulated here: they do not.
//   - What a list of domain or LDAP accounts gets on a NAS that has joined nothing: an empty list. Options.NotJoinedCode.
//   - SSO Server: sub is the name of the account, groups are plain or, with GroupDomain, name@domain; a scope that discovery does
//     not name is refused; the code flow only.
//   - The code for a call without any session: 119.
//   - The order of checks: missing parts (101), API (102), version (104), method (103), session, syno token, right (105).
//   - The limit of a list when none is asked for: everything. Options.PageCap makes it smaller.
//   - additional=["groups"] on a user list: ignored. type=all: refused with 3103.
//   - gid in a group list: left out, as on 7.2.2; Options.GroupIDs puts it in.
//   - A name is compared exactly, in the API and at single sign-on.
//   - Auto Block: 10 failures in 5 minutes, never lifted. The failure that reaches the limit still gets its own code.
//   - A login with the right password of a disabled account gets 401, with a wrong one 400.
//   - Single sign-on: iss, aud, exp, nonce and (where present) at_hash are checked, a disabled account is refused, and the
//     wording and HTTP status of the pages are ours.
package dsmtest
