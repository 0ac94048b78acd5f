# SPDX-License-Identifier: GPL-3.0-or-later
"""Samba in the laboratory: an AD domain controller and a standalone file server.

Provisioning takes some seconds: what it made is kept as an archive in the build tree and unpacked
the next time.  winbindd's sockets have one compiled-in place, /run/samba: each server gets a mount
namespace of its own with a directory of its own there.
"""
import hashlib
import pathlib
import subprocess
import tarfile

import lab
import pdu

REALM, DOMAIN, PASSWORD = "LAB.TEST", "LAB", "Passw0rd.lab"
ADMINISTRATOR = f"{DOMAIN}/Administrator%{PASSWORD}"
FS_NAME, FS_USER = "FS1", f"FS1/labuser%{PASSWORD}"

DC_CONF = """[global]
netbios name = DC1
realm = {realm}
workgroup = {domain}
server role = active directory domain controller
server services = s3fs, rpc, ldap, kdc, dns, winbindd, cldap, drepl, kcc
interfaces = lo {dc4}/24 {dc6}/64
bind interfaces only = yes
rpc server dynamic port range = 49152-65535
dns forwarder =
disable netbios = yes
load printers = no
log level = 0
{directories}
[sysvol]
path = {dir}/state/sysvol
read only = no
[netlogon]
path = {dir}/state/sysvol/lab.test/scripts
read only = no
"""
FS_CONF = """[global]
netbios name = FS1
workgroup = FS1
server role = standalone server
security = user
rpc start on demand helpers = no
rpc server dynamic port range = 49152-65535
interfaces = lo {fs4}/24 {fs6}/64
bind interfaces only = yes
disable netbios = yes
load printers = no
printing = bsd
log level = 0
{directories}
[share]
path = {dir}/share
"""
CLIENT_CONF = """[global]
workgroup = LAB
realm = LAB.TEST
client min protocol = SMB2
log level = 0
{directories}
"""
KRB5_CONF = """[libdefaults]
default_realm = LAB.TEST
dns_lookup_kdc = false
dns_lookup_realm = false
rdns = false
[realms]
LAB.TEST = {{
 kdc = {dc4}
}}
[domain_realm]
.lab.test = LAB.TEST
lab.test = LAB.TEST
"""
DIRECTORIES = (("private dir", "private"), ("lock directory", "lock"), ("state directory", "state"),
               ("cache directory", "cache"), ("pid directory", "pid"), ("ncalrpc dir", "ncalrpc"))


def directories(where):
    lines = [f"log file = {where}/log.%m"]
    for option, name in DIRECTORIES:
        (where / name).mkdir(parents=True, exist_ok=True)
        lines.append(f"{option} = {where}/{name}")
    (where / "ncalrpc").chmod(0o755)
    return "\n".join(lines)


class Samba:
    """Servers and clients of one laboratory.  cache: where the provisioned tree is kept."""

    def __init__(self, net, cache):
        self.net, self.cache = net, pathlib.Path(cache)
        self.client_env = self.write_clients()

    def write_clients(self):
        where = lab.ROOT / "client"
        where.mkdir()
        conf = where / "smb.conf"
        conf.write_text(CLIENT_CONF.format(directories=directories(where)), encoding="ascii")
        krb5 = where / "krb5.conf"
        krb5.write_text(KRB5_CONF.format(dc4=lab.DC4), encoding="ascii")
        # the whole laboratory has one mount namespace of its own: these are its names
        self.etc("resolv.conf", f"search lab.test\nnameserver {lab.DC4}\n")
        self.etc("hosts", f"127.0.0.1 localhost\n{lab.DC4} dc1.lab.test dc1\n"
                          f"{lab.DC6} dc1-6.lab.test\n{lab.FS4} fs1\n")
        return {"SMB_CONF_PATH": str(conf), "KRB5_CONFIG": str(krb5), "HOME": str(where),
                "KRB5CCNAME": f"FILE:{where}/ccache"}

    def etc(self, name, text):
        path = lab.ROOT / name
        path.write_text(text, encoding="ascii")
        self.net.call(["mount", "--bind", str(path), f"/etc/{name}"])

    # --------------------------------------------------------------- servers

    def server(self, host, where, command):
        run = where / "run"
        run.mkdir(exist_ok=True)
        log = open(where / "out", "a", encoding="utf-8")
        return self.net.popen(host, ["unshare", "--mount", "sh", "-c",
                                     'mount --bind "$0" /run/samba && exec "$@"', str(run),
                                     *command],
                              stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def provision(self, where):
        command = ["samba-tool", "domain", "provision", f"--realm={REALM}", f"--domain={DOMAIN}",
                   "--server-role=dc", "--dns-backend=SAMBA_INTERNAL", f"--adminpass={PASSWORD}",
                   "--host-name=dc1", f"--host-ip={lab.DC4}", f"--host-ip6={lab.DC6}",
                   f"--targetdir={where}", "--use-rfc2307"]
        version = self.net.call(["samba", "--version"])
        key = hashlib.sha256(repr((command, version)).encode()).hexdigest()[:16]
        archive = self.cache / f"dc-{key}.tar"
        if not archive.exists():
            self.net.call(command)
            self.cache.mkdir(parents=True, exist_ok=True)
            half = archive.with_suffix(".half")
            with tarfile.open(half, "w") as tar:
                tar.add(where, arcname="dc")
            half.rename(archive)
            return
        # tar(1): extended attributes of sysvol are not needed, sparse files are
        self.net.call(["tar", "-xf", str(archive), "-C", str(where.parent)])

    def start_dc(self):
        where = lab.ROOT / "dc"
        self.provision(where)
        conf = where / "etc" / "smb.conf"
        conf.write_text(DC_CONF.format(realm=REALM, domain=DOMAIN, dc4=lab.DC4, dc6=lab.DC6,
                                       dir=where, directories=directories(where)),
                        encoding="ascii")
        self.server("dc", where, ["samba", "-s", str(conf), "--foreground",
                                  "--no-process-group"])

    def start_fs(self):
        where = lab.ROOT / "fs"
        (where / "share").mkdir(parents=True)
        conf = where / "smb.conf"
        conf.write_text(FS_CONF.format(fs4=lab.FS4, fs6=lab.FS6, dir=where,
                                       directories=directories(where)), encoding="ascii")
        # the user database of the host is hidden behind one that knows labuser
        users = pathlib.Path("/etc/passwd").read_text(encoding="utf-8")
        if "\nlabuser:" not in users:
            self.etc("passwd", users + "labuser:x:4321:4321::/:/bin/false\n")
        self.net.call(["smbpasswd", "-c", str(conf), "-s", "-a", "labuser"],
                      input=f"{PASSWORD}\n{PASSWORD}\n")
        self.server("fs", where, ["smbd", "-s", str(conf), "--foreground", "--no-process-group"])
        self.server("fs", where, ["/usr/libexec/samba/samba-dcerpcd", "-s", str(conf),
                                  "--foreground", "--no-process-group", "--libexec-rpcds"])

    def ready(self):
        """Wait until the mappers of both servers announce what the clients will ask for."""
        def announced(host, address, names):
            try:
                with lab.inside(host):
                    return all(pdu.ask_mapper(address, name) for name in names)
            except pdu.Refused:
                return False
        lab.wait_until("the domain controller is up", lambda: announced(
            "dc", lab.DC4, ("samr", "drsuapi", "netlogon", "lsarpc")) and
            self.net.listens("dc", lab.DC4, 389) and self.net.listens("dc", lab.DC4, 445), 40)
        lab.wait_until("the file server is up", lambda: announced(
            "fs", lab.FS4, ("srvsvc", "samr", "wkssvc")), 40)

    # --------------------------------------------------------------- clients

    def run(self, *command, host="client", timeout_s=15.0):
        return self.net.run(host, list(command), timeout_s, env=self.client_env)
