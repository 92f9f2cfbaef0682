#!/usr/bin/python3
"""Makes the tar cases of this folder again: good/NAME/input.tar with `list`, bad/NAME/input.tar with
`error`. Headers are put together by hand, so that each case is wrong or odd in one way only; a few
come from GNU tar, which must be installed. `list` is written by hand or by test_tar's dump, then
read by a person: this script does not touch it."""
import os, subprocess, sys, tempfile

os.chdir(os.path.dirname(os.path.abspath(__file__)))

def octal(n, width):
    return b'%0*o\0' % (width - 1, n)

def base256(n, width):
    return ((1 << (8 * width - 1)) | n).to_bytes(width, 'big') if n >= 0 else \
        ((1 << (8 * width)) + n).to_bytes(width, 'big')

def head(name, type=b'0', size=0, mode=0o644, uid=0, gid=0, mtime=1000, link=b'', magic=b'ustar\00000',
         prefix=b'', major=0, minor=0, sum=None, raw=None):
    f = lambda v, w: v if isinstance(v, bytes) else octal(v, w)
    b = bytearray(512)
    def put(at, v):
        b[at:at + len(v)] = v
    put(0, name[:100]); put(100, f(mode, 8)); put(108, f(uid, 8)); put(116, f(gid, 8))
    put(124, f(size, 12)); put(136, f(mtime, 12)); put(148, b' ' * 8); put(156, type)
    put(157, link[:100]); put(257, magic); put(329, octal(major, 8)); put(337, octal(minor, 8))
    put(345, prefix)
    for at, v in (raw or {}).items():
        put(at, v)
    total = (sum_signed if sum == 'signed' else __builtins__.sum)(b) if sum in (None, 'signed') else sum
    put(148, b'%06o\0 ' % total)
    return bytes(b)

def sum_signed(b):
    return __builtins__.sum(x - 256 if x > 127 else x for x in b)

def data(d):
    return d + b'\0' * (-len(d) % 512)

def file(name, d=b'', **k):
    return head(name, size=len(d), **k) + data(d)

def record(key, value):
    body = b' ' + key + b'=' + value + b'\n'
    n = len(body) + 1
    while len(b'%d' % n) + len(body) != n:
        n += 1
    return b'%d' % n + body

def pax(*pairs, type=b'x', raw=None):
    d = raw if raw is not None else b''.join(record(k, v) for k, v in pairs)
    return file(b'PaxHeader', d, type=type)

END = b'\0' * 1024
good, bad = {}, {}

good['empty-stream'] = b''
good['no-end-blocks'] = file(b'a', b'x')
good['one-zero-block'] = file(b'a', b'x') + b'\0' * 512
good['junk-after-the-end'] = file(b'a', b'x') + END + b'not read'
good['types'] = (head(b'./', b'5', mode=0o755) + head(b'd/', b'5', mode=0o1777) + file(b'd/f', b'hello\n', mode=0o4755) +
    head(b'd/l', b'2', link=b'../x', mode=0o777) + head(b'd/h', b'1', link=b'./d/f') +
    head(b'p', b'6') + head(b'c', b'3', major=1, minor=3) + head(b'b', b'4', major=8, minor=1) +
    file(b'seven', b'x', type=b'7') + END)
good['v7-folder-with-a-slash'] = head(b'd/', b'\0', magic=b'\0' * 8) + file(b'd/f', b'x', type=b'\0', magic=b'\0' * 8) + END
good['prefix'] = file(b'name', b'x', prefix=b'some/folder') + END
good['gnu-fields-are-no-prefix'] = file(b'name', b'x', magic=b'ustar  \0', prefix=b'01234567') + END
good['star-prefix'] = file(b'n', b'x', prefix=b'pre', raw={508: b'tar\0', 476: b'00000000000 00000000000 '}) + END
good['full-width-name'] = file(b'n' * 100, b'x') + END
good['dotted-names'] = (file(b'./etc/x', b'1') + file(b'./././y', b'2') + file(b'a//b/./c', b'3') +
    head(b'/', b'5', mode=0o700) + END)
good['signed-checksum'] = file(b'caf\xe9', b'x', sum='signed') + END
good['base256'] = file(b'a', b'x', uid=base256(3000000, 8), gid=base256(4294967294, 8), mtime=base256(-5, 12)) + END
good['spaces-in-numbers'] = file(b'a', b'x', mode=b' 644 \0\0\0', uid=b'     0 \0', mtime=b'       1750 ') + END
good['gnu-long-name'] = (file(b'././@LongLink', b'l/' * 80 + b'end\0', type=b'L', magic=b'ustar  \0') +
    file(b'l/' * 50, b'x', magic=b'ustar  \0') + END)
good['gnu-long-link'] = (file(b'././@LongLink', b't/' * 80 + b'end\0', type=b'K', magic=b'ustar  \0') +
    head(b's', b'2', link=b't/' * 50, magic=b'ustar  \0') + END)
good['pax'] = (pax((b'path', b'long/\xc3\xa9'), (b'mtime', b'12.5'), (b'uid', b'70000'), (b'gid', b'70001'),
        (b'comment', b'any\x00thing'), (b'size', b'3')) + head(b'short', b'0', size=0) + data(b'abc') +
    file(b'next', b'x') + END)
good['pax-size-beyond-octal'] = pax((b'size', b'1')) + head(b'a', size=77) + data(b'z') + END
good['pax-time-before-1970'] = pax((b'mtime', b'-1.5')) + file(b'a', b'') + END
good['pax-link'] = pax((b'linkpath', b'where\xff')) + head(b's', b'2', link=b'no') + END
good['pax-xattrs'] = (pax((b'SCHILY.xattr.user.a', b'v\x00w'), (b'SCHILY.xattr.security.capability', b'\1\0\0\2' + b'\0' * 16)) +
    file(b'a', b'x') + file(b'plain', b'') + END)
good['pax-twice-the-last-wins'] = pax((b'path', b'one')) + pax((b'path', b'two')) + file(b'zero', b'x') + END
good['pax-global-is-passed-over'] = pax((b'path', b'no'), (b'comment', b'x' * 600), type=b'g') + file(b'yes', b'x') + END
good['pax-empty-value'] = pax((b'uid', b''), (b'mtime', b'')) + file(b'a', b'', uid=7) + END
good['hard-link-with-a-size'] = file(b'a', b'x') + head(b'b', b'1', link=b'a', size=5) + file(b'c', b'y') + END
good['symlink-out-of-the-root-is-text'] = head(b's', b'2', link=b'../../../../etc/passwd') + head(b't', b'2', link=b'/etc') + END
good['name-of-255-and-deep'] = pax((b'path', b'd/' * 255 + b'n' * 255)) + file(b'x', b'') + END
good['other-records'] = pax((b'atime', b'1.0'), (b'LIBARCHIVE.creationtime', b'1'), (b'hdrcharset', b'BINARY')) + file(b'x', b'') + END

def sparse_rows(rows):
    return b''.join(octal(o, 12) + octal(n, 12) for o, n in rows)

good['sparse-old-gnu'] = head(b's', b'S', size=6, magic=b'ustar  \0',
    raw={386: sparse_rows([(512, 4), (100000, 2), (200000, 0)]), 483: octal(200000, 12)}) + data(b'abcdef') + END
rows = [(i * 1000, 1) for i in range(30)]
good['sparse-old-gnu-extended'] = (head(b's', b'S', size=30, magic=b'ustar  \0',
    raw={386: sparse_rows(rows[:4]), 482: b'\1', 483: octal(30000, 12)}) +
    (sparse_rows(rows[4:25]) + b'\1').ljust(512, b'\0') + sparse_rows(rows[25:]).ljust(512, b'\0') + data(b'z' * 30) + END)
good['sparse-0.0'] = (pax((b'GNU.sparse.size', b'5000'), (b'GNU.sparse.numblocks', b'2'), (b'GNU.sparse.offset', b'0'),
    (b'GNU.sparse.numbytes', b'2'), (b'GNU.sparse.offset', b'4000'), (b'GNU.sparse.numbytes', b'3')) + file(b's', b'abcde') + END)
good['sparse-0.1'] = (pax((b'GNU.sparse.size', b'5000'), (b'GNU.sparse.name', b'real'), (b'GNU.sparse.map', b'0,2,4000,3')) +
    file(b'GNUSparseFile.1/real', b'abcde') + END)
one = b'2\n0\n2\n4000\n3\n'.ljust(512, b'\0') + b'abcde'
V1 = [(b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0'), (b'GNU.sparse.name', b'real')]
good['sparse-1.0'] = pax(*V1, (b'GNU.sparse.realsize', b'5000')) + file(b'GNUSparseFile.1/real', one) + file(b'after', b'x') + END
good['sparse-all-hole'] = pax((b'GNU.sparse.size', b'1000000'), (b'GNU.sparse.map', b'1000000,0')) + file(b's', b'') + END

E = lambda *parts: b''.join(parts)
bad['checksum'] = (file(b'a', b'x', sum=1), 'this is no tar archive, or a damaged one (header checksum)')
bad['no-tar'] = (b'<html>' + b'x' * 600, 'this is no tar archive, or a damaged one (header checksum)')
bad['header-cut'] = (file(b'a', b'x')[:300], 'the archive ends in the middle of an entry')
bad['data-cut'] = (file(b'a', b'x' * 2000)[:1500], "entry 'a': the archive ends in the middle of an entry")
bad['padding-cut'] = (file(b'a', b'x')[:600], 'the archive ends in the middle of an entry')
bad['header-after-the-end'] = (b'\0' * 512 + file(b'a', b'x'), 'this is a damaged tar archive (a header after its end)')
bad['only-an-extension'] = (pax((b'path', b'x')), 'the archive ends in the middle of an entry')
bad['dotdot'] = (file(b'../x'), "entry '../x': '..' in a name may leave the layer")
bad['dotdot-inside'] = (file(b'a/../../x'), "entry 'a/../../x': '..' in a name may leave the layer")
bad['dotdot-at-the-end'] = (head(b'a/..', b'5'), "entry 'a/..': '..' in a name may leave the layer")
bad['absolute-dotdot'] = (file(b'/../x'), "entry '/../x': an absolute name; a layer's names are relative to its root")
bad['absolute'] = (file(b'/etc/x'), "entry '/etc/x': an absolute name; a layer's names are relative to its root")
bad['hard-link-absolute'] = (file(b'a') + head(b'h', b'1', link=b'/a'), "entry 'h': its target: entry '/a': an absolute name; a layer's names are relative to its root")
bad['prefix-dotdot'] = (file(b'x', prefix=b'..'), "entry '../x': '..' in a name may leave the layer")
bad['pax-dotdot'] = (pax((b'path', b'../x')) + file(b'x'), "entry '../x': '..' in a name may leave the layer")
bad['hard-link-dotdot'] = (head(b'h', b'1', link=b'../x'), "entry 'h': its target: entry '../x': '..' in a name may leave the layer")
bad['nul-in-pax-path'] = (pax((b'path', b'good\0/../x')) + file(b'x'), "entry 'good': NUL or newline in a name")
bad['newline-in-name'] = (file(b'a\nb'), "entry 'a': NUL or newline in a name")
bad['nul-in-pax-link'] = (pax((b'linkpath', b'a\0b')) + head(b'x', b'2', link=b'x'), "entry 'x': a symbolic link to nothing, or to more than a path can be")
bad['link-to-nothing'] = (head(b'x', b'2'), "entry 'x': a symbolic link to nothing, or to more than a path can be")
bad['name-of-5000'] = (pax((b'path', b'n/' * 2500)) + file(b'x'), "a name of 5000 bytes is too long")
bad['part-of-256'] = (pax((b'path', b'n' * 256)) + file(b'x'), "a part of 256 bytes is too long")
bad['1500-deep'] = (pax((b'path', b'd/' * 1500 + b'x')) + file(b'x'), "more than 256 folders deep")
bad['pax-of-2GiB'] = (head(b'x', b'x', size=2 << 30), 'an extended header of 2147483648 bytes is too large')
bad['pax-broken-length'] = (pax(raw=b'99 path=x\n') + file(b'x'), 'a pax header with a broken record')
bad['pax-no-newline'] = (pax(raw=b'9 path=xy') + file(b'x'), 'a pax header with a broken record')
bad['pax-no-equals'] = (pax(raw=b'8 path!\n') + file(b'x'), 'a pax header with a broken record')
bad['pax-length-0'] = (pax(raw=b'0 a=b\n') + file(b'x'), 'a pax header with a broken record')
bad['pax-nul-in-key'] = (pax((b'pa\0th', b'x')) + file(b'x'), 'a pax header with a broken record')
bad['pax-size-no-number'] = (pax((b'size', b'12x')) + file(b'x'), 'a pax header whose size is no number')
bad['pax-negative-size'] = (pax((b'size', b'-1')) + file(b'x'), 'a pax header whose size is no number')
bad['pax-uid-negative'] = (pax((b'uid', b'-1')) + file(b'x'), 'a pax header whose uid is no number')
bad['pax-mtime'] = (pax((b'mtime', b'1.x')) + file(b'x'), 'a pax header whose mtime is no number')
bad['17-extensions'] = (pax((b'comment', b'x')) * 18 + file(b'x'), 'more than 16 extended headers for one entry')
bad['negative-size'] = (head(b'x', size=base256(-1, 12)), "entry 'x': its size is absurd")
bad['size-8EiB'] = (head(b'x', size=base256((1 << 63) - 1, 12)), "entry 'x': its size is")
bad['size-no-octal'] = (head(b'x', size=b'12345678999\0'), "entry 'x': its size is no number")
bad['unknown-type'] = (head(b'x', b'V'), "entry 'x': its type (0x56) is not one that a layer can have")
bad['129-xattrs'] = (pax(*[(b'SCHILY.xattr.user.%d' % i, b'v') for i in range(129)]) + file(b'x'), 'more than 128 extended attributes on one file')
S = lambda raw, d: head(b's', b'S', size=len(d), magic=b'ustar  \0', raw=raw) + data(d)
bad['sparse-8EiB'] = (S({386: base256(0, 12) + base256((1 << 63) - 1, 12), 483: octal(10, 12)}, b'x'), "entry 's': a sparse map with absurd numbers")
bad['sparse-real-size-8EiB'] = (S({386: sparse_rows([(0, 1)]), 483: base256((1 << 63) - 1, 12)}, b'x'), "entry 's': a sparse file whose size is no number")
bad['sparse-beyond-the-file'] = (S({386: sparse_rows([(100, 1)]), 483: octal(10, 12)}, b'x'), "entry 's': a sparse map that does not fit the file")
bad['sparse-overlap'] = (S({386: sparse_rows([(0, 2), (1, 2)]), 483: octal(10, 12)}, b'abcd'), "entry 's': a sparse map that does not fit the file")
bad['sparse-backwards'] = (S({386: sparse_rows([(5, 1), (0, 1)]), 483: octal(10, 12)}, b'ab'), "entry 's': a sparse map that does not fit the file")
bad['sparse-other-sum'] = (S({386: sparse_rows([(0, 1)]), 483: octal(10, 12)}, b'ab'), "entry 's': a sparse map for 1 bytes of data, but 2 are stored")
bad['sparse-map-endless'] = (head(b's', b'S', size=0, magic=b'ustar  \0', raw={482: b'\1', 483: octal(9, 12)}) + b'\1' * 512, "entry 's': a sparse map with a number that is none")
bad['sparse-1.0-cut'] = (pax(*V1, (b'GNU.sparse.realsize', b'9')) + file(b's', b'3\n0\n'), "entry 'real': a sparse map that does not end")
bad['sparse-1.0-count'] = (pax(*V1, (b'GNU.sparse.realsize', b'9')) + file(b's', b'99999999999\n'), "entry 'real': a sparse map of more than 65536 pieces")
bad['sparse-1.0-no-number'] = (pax(*V1, (b'GNU.sparse.realsize', b'9')) + file(b's', b'-1\n'), "entry 'real': a sparse map with a number that is none")
bad['sparse-map-odd'] = (pax((b'GNU.sparse.size', b'9'), (b'GNU.sparse.map', b'0,1,2')) + file(b's', b'x'), 'a sparse map of an odd length')
bad['sparse-map-no-number'] = (pax((b'GNU.sparse.size', b'9'), (b'GNU.sparse.map', b'0,x')) + file(b's', b'x'), 'a sparse map with a number that is none')
bad['sparse-name-dotdot'] = (pax((b'GNU.sparse.size', b'0'), (b'GNU.sparse.name', b'../x')) + file(b's', b''), "entry '../x': '..' in a name may leave the layer")

def gnu(name, *options):
    with tempfile.TemporaryDirectory() as d:
        with open(d + '/sparse', 'wb') as f:
            for at in (0, 100000, 300000):
                f.seek(at); f.write(b'data' * 1024)
            f.truncate(400000)
        os.makedirs(d + '/sub'); open(d + '/sub/' + 'n' * 120, 'w').write('long\n')
        os.symlink('t' * 150, d + '/link'); os.link(d + '/sparse', d + '/twice')
        good[name] = subprocess.run(['tar', '-C', d, '-b1', '--sort=name', '--sparse', '--owner=0', '--group=0', '--mtime=@1000',
            '--pax-option=delete=atime,delete=ctime'] * 1 + list(options) + ['-cf', '-', '.'] if 'gnu' not in options[0] else
            ['tar', '-C', d, '-b1', '--sort=name', '--sparse', '--owner=0', '--group=0', '--mtime=@1000'] + list(options) + ['-cf', '-', '.'],
            check=True, stdout=subprocess.PIPE).stdout

gnu('gnu-tar-gnu', '--format=gnu')
gnu('gnu-tar-pax-1.0', '--format=pax')
gnu('gnu-tar-pax-0.1', '--format=pax', '--sparse-version=0.1')
gnu('gnu-tar-pax-0.0', '--format=pax', '--sparse-version=0.0')

for kind, cases in ('good', good), ('bad', bad):
    for name, case in cases.items():
        folder = f'{kind}/{name}'
        os.makedirs(folder, exist_ok=True)
        with open(folder + '/input.tar', 'wb') as f:
            f.write(case if kind == 'good' else case[0])
        if kind == 'bad':
            with open(folder + '/error', 'w') as f:
                f.write(case[1] + '\n')
