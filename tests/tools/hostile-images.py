#!/usr/bin/env python3
"""hostile-images - some 260 images that mean harm, each loaded and run beside a canary tree.

    hostile-images.py FOLDER DRIVER

Prints a line for each fault: a hang (10 s), a status that is not rctr's, an error without words or
with a terminal's escapes, a changed canary, a store that is not clean, something left in it. The
last line counts the statuses. Ends with 1 when there was a fault.
"""
import collections
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time
base, driver = (sys.argv[1], sys.argv[2])
os.makedirs(base + '/canary/d')
open(base + '/canary/f', 'w').write('canary')
open(base + '/canary/d/x', 'w').write('x')
os.symlink('f', base + '/canary/l')
env = dict(os.environ, RCTR_STATE=base + '/s', RCTR_DATADIR=base + '/data', RCTR_STORAGE_DRIVER=driver)
os.makedirs(base + '/data/images')
bb = open('/bin/busybox', 'rb').read()
C = base + '/canary'
faults = 0

def fault(*words):
    global faults
    faults += 1
    print(*words, flush=True)

def snap():
    return subprocess.run("find %s -printf '%%p %%m %%u %%T@ %%s %%l\n' | sort; cat %s/f %s/d/x; ls -A %s | grep -vx s; ls -la /dev/null | cut -d' ' -f1,3" % (C, C, C, base), shell=True, capture_output=True, text=True).stdout

class T:

    def __init__(s):
        s.b = io.BytesIO()
        s.t = tarfile.open(fileobj=s.b, mode='w', format=tarfile.PAX_FORMAT)

    def add(s, name, type=tarfile.REGTYPE, data=b'', link='', mode=493, uid=0, gid=0, pax=None, dev=(0, 0)):
        i = tarfile.TarInfo(name)
        i.type = type
        i.linkname = link
        i.mode = mode
        i.uid = uid
        i.gid = gid
        i.size = len(data)
        i.devmajor, i.devminor = dev
        if pax:
            i.pax_headers = pax
        s.t.addfile(i, io.BytesIO(data))
        return s

    def get(s):
        s.t.close()
        return s.b.getvalue()
S = tarfile.SYMTYPE
H = tarfile.LNKTYPE
D = tarfile.DIRTYPE

def busy():
    t = T()
    t.add('bin', D)
    t.add('bin/sh', data=bb)
    t.add('bin/true', H, link='bin/sh')
    return t
cases = {}

def case(name, *layers, config=None):
    cases[name] = (layers, config or {'Cmd': ['/bin/true']})
B = busy().get()
for d in ('proc', 'sys', 'dev', 'etc', 'run', 'dev/shm', 'dev/pts', 'dev/mqueue', 'etc/hosts', 'etc/resolv.conf', 'etc/hostname', 'etc/passwd', 'etc/group', 'tmp', 'var', 'root', 'home'):
    for tgt in (C, C + '/f', '/', '/proc/self/root', '../../../../../../../' + C, '.', '/proc/self/fd/1', d.split('/')[-1]):
        case('link %s->%s' % (d, tgt.replace(base, '')), B, T().add(d, S, link=tgt).get())
for d in ('proc', 'sys', 'dev', 'etc', 'etc/hosts', 'etc/resolv.conf', 'etc/passwd', 'etc/group', 'dev/null', 'dev/console', 'dev/ptmx', 'dev/pts', 'dev/shm', 'tmp'):
    case('file ' + d, B, T().add(d, data=b'x').get())
    case('dir ' + d, B, T().add(d, D).get())
    case('fifo ' + d, B, T().add(d, tarfile.FIFOTYPE).get())
    case('mode0 ' + d, B, T().add(d, D, mode=0).get())
case('bin link', B, T().add('bin', S, link=C).get(), T().add('bin/evil', data=b'x').get())
case('hard to via link', B, T().add('a', S, link=C).add('h', H, link='a/f').get(), T().add('h', data=b'EVIL').get())
case('hard chmod', B, T().add('a', S, link=C + '/f').add('h', H, link='a').add('h', H, link='a', mode=0).get())
case('write via link', B, T().add('a', S, link=C + '/f').add('a', data=b'EVIL').get())
case('three times', B, T().add('a', data=b'1').add('a', D).add('a/b', data=b'2').add('a', data=b'3').get())
case('wh ..', B, T().add('.wh...').get())
case('wh .', B, T().add('.wh..').get())
case('wh', B, T().add('.wh.').get())
case('wh opq link', B, T().add('a', S, link=C).add('a/.wh..wh..opq').get())
case('wh link', B, T().add('a', S, link=C).get(), T().add('a/.wh.f').get())
case('wh all', B, T().add('.wh..wh..opq').add('x').get())
case('root link', B, T().add('.', S, link=C).get())
case('root file', B, T().add('.', data=b'x').get())
case('root mode 0', B, T().add('.', D, mode=0).get())
case('root uid', B, T().add('.', D, uid=1000, gid=1000).get())
case('setuid root', B, T().add('s', data=bb, mode=3565).get())
case('uid huge', B, T().add('u', uid=4294967294).get())
case('uid -1', B, T().add('u', uid=4294967295).get())
case('uid 70000', B, T().add('u', uid=70000).get())
for x in ('user.overlay.opaque', 'user.overlay.redirect', 'trusted.overlay.opaque', 'trusted.overlay.redirect', 'security.capability', 'security.selinux', 'system.posix_acl_access', 'user.overlay.metacopy', 'user.overlay.origin', 'user.x'):
    case('xattr ' + x, B, T().add('x', D, pax={'SCHILY.xattr.' + x: '/../../..' + C}).add('xf', data=b'y', pax={'SCHILY.xattr.' + x: C + '/f'}).get())
case('deep', B, T().add('/'.join(['d'] * 1500), D).get())
case('name 5000', B, T().add('n' * 5000).get())
case('path 5000', B, T().add('/'.join(['n' * 200] * 25)).get())
case('dev', B, T().add('n', tarfile.CHRTYPE, dev=(1, 3)).add('z', tarfile.CHRTYPE, dev=(0, 0)).add('bl', tarfile.BLKTYPE, dev=(8, 0)).get())
case('wd fd', B, config={'Cmd': ['/bin/true'], 'WorkingDir': '/proc/self/fd/7'})
case('wd dots', B, config={'Cmd': ['/bin/true'], 'WorkingDir': '/../../../..' + C})
case('wd link', B, T().add('w', S, link=C).get(), config={'Cmd': ['/bin/true'], 'WorkingDir': '/w/made'})
case('wd rel', B, config={'Cmd': ['/bin/true'], 'WorkingDir': 'rel/x'})
case('wd huge', B, config={'Cmd': ['/bin/true'], 'WorkingDir': '/' + 'a/' * 3000})
case('cmd huge', B, config={'Cmd': ['/bin/true'] + ['x' * 1000] * 3000})
case('env huge', B, config={'Cmd': ['/bin/true'], 'Env': ['A%d=%s' % (i, 'x' * 100) for i in range(20000)]})
case('env odd', B, config={'Cmd': ['/bin/true'], 'Env': ['', '=', '=x', 'noeq', 'A=1', 'A=2', 'LD_PRELOAD=/x', 'GCONV_PATH=/', 'PATH=', '\x1b[31m=1']})
case('user odd', B, config={'Cmd': ['/bin/true'], 'User': '../x'})
case('user neg', B, config={'Cmd': ['/bin/true'], 'User': '-1'})
case('user esc', B, config={'Cmd': ['/bin/true'], 'User': '\x1b[31m'})
case('entry fd', B, config={'Entrypoint': ['/proc/self/exe']})
case('entry fd3', B, config={'Entrypoint': ['/proc/self/fd/3']})
case('empty cmd', B, config={})
case('cmd ""', B, config={'Cmd': ['']})
case('cmd dir', B, config={'Cmd': ['/bin']})
case('cmd null', B, config={'Cmd': None, 'Entrypoint': None, 'Env': None, 'Labels': None})
case('label esc', B, config={'Cmd': ['/bin/true'], 'Labels': {'\x1b[31mx': '\x1b]0;evil\x07', 'io.rctr.x': '1', 'a\nb': 'c'}})
case('stop esc', B, config={'Cmd': ['/bin/true'], 'StopSignal': '\x1b[31m'})
case('volumes', B, config={'Cmd': ['/bin/true'], 'Volumes': {'/proc': {}, '/../x': {}, '/dev': {}, C: {}}})
case('shebang', B, T().add('e', data=b'#!/proc/self/exe\n').get(), config={'Entrypoint': ['/e']})
case('cmd types', B, config={'Cmd': 'x'})
case('cmd nested', B, config={'Cmd': [['x']]})
case('env obj', B, config={'Cmd': ['/bin/true'], 'Env': {'a': 'b'}})
case('passwd nul', B, T().add('etc/passwd', data=b'\x00' * 100000 + b'root:x:0:0::/:/bin/sh\n').get(), config={'Cmd': ['/bin/true'], 'User': 'root'})
case('passwd long', B, T().add('etc/passwd', data=b'root:x:0:0:' + b'x' * 3000000 + b':/:/bin/sh').get())
case('group 2M', B, T().add('etc/group', data=b'root:x:0:' + b','.join((b'u%d' % i for i in range(200000))) + b'\n').get(), config={'Cmd': ['/bin/true'], 'User': '0'})
case('home esc', B, T().add('etc/passwd', data=b'root:x:0:0::/\x1b[31m\xff:/bin/sh\n').get())
case('no sh', T().add('x').get())
case('empty tar', b'\x00' * 1024)
case('no bytes', b'')
case('trunc', B[:100000])
case('junk', b'\xff' * 1024)
case('500 layers', B, *[T().add('l%d' % i).get() for i in range(130)])

def write(path, layers, config, arch=subprocess.run(['dpkg', '--print-architecture'], capture_output=True, text=True).stdout.strip()):
    blobs = {}

    def blob(b):
        d = hashlib.sha256(b).hexdigest()
        blobs[d] = b
        return {'digest': 'sha256:' + d, 'size': len(b)}
    ls = [dict(blob(l), mediaType='application/vnd.oci.image.layer.v1.tar') for l in layers]
    cfg = json.dumps({'architecture': arch, 'os': 'linux', 'config': config, 'rootfs': {'type': 'layers', 'diff_ids': ['sha256:' + hashlib.sha256(l).hexdigest() for l in layers]}}).encode()
    m = json.dumps({'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json', 'config': dict(blob(cfg), mediaType='application/vnd.oci.image.config.v1+json'), 'layers': ls}).encode()
    ix = json.dumps({'schemaVersion': 2, 'manifests': [dict(blob(m), mediaType='application/vnd.oci.image.manifest.v1+json')]}).encode()
    t = tarfile.open(path, 'w')
    for n, b in [('oci-layout', b'{"imageLayoutVersion":"1.0.0"}'), ('index.json', ix)] + [('blobs/sha256/' + d, b) for d, b in blobs.items()]:
        i = tarfile.TarInfo(n)
        i.size = len(b)
        t.addfile(i, io.BytesIO(b))
    t.close()
before = snap()
mounts = open('/proc/self/mountinfo').read()
tally = collections.Counter()

def left():
    return [x for d in ('tmp', 'containers', 'layers') if os.path.isdir(base + '/s/' + d) for x in os.listdir(base + '/s/' + d)]

def start(name):
    try:
        r = subprocess.run(['rctr', 'run', '--rm', '--network', 'none', 'localhost/h'], env=env, capture_output=True, timeout=10, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return fault(name, 'HANGS')
    last = r.stderr.decode(errors='replace').strip().split('\n')[-1]
    tally[r.returncode] += 1
    if r.returncode not in (0, 125, 126, 127):
        fault(name, 'STATUS', r.returncode, last)
    elif r.returncode and (not last.startswith('Error: ')):
        fault(name, 'NO WORDS', last)
    if b'\x1b' in r.stderr:
        fault(name, 'ESCAPES', repr(last))
for name, (layers, config) in cases.items():
    write(base + '/data/images/h.tar', layers, config)
    start(name)
    subprocess.run(['rctr', 'rmi', '-f', 'localhost/h'], env=env, capture_output=True)
    check = subprocess.run(['rctr', 'system', 'check'], env=env, capture_output=True, text=True)
    if check.returncode:
        fault(name, 'CHECK', check.stdout)
    if snap() != before:
        fault(name, 'CANARY CHANGED', snap())
        before = snap()
    for _ in range(100):
        if not left():
            break
        time.sleep(0.05)
    else:
        fault(name, 'LEFT', left()[:3])
if open('/proc/self/mountinfo').read() != mounts:
    fault('mounts changed')
print(dict(tally), len(cases), 'images')
sys.exit(faults > 0)
