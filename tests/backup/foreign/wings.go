// Makes and unpacks archives the way stock Wings does, for the tests and for
// bench/backup.
//
//	wings -c TREE ARCHIVE       prints the archive's SHA-1
//	wings -x ARCHIVE DIRECTORY
//
// Made: archive/tar into pgzip at its fastest, one block of 1 MiB at a time, in
// the order of the directories, 4 KiB a read, no directories, no links, owner 0;
// then read again for its SHA-1. Unpacked: one after the other, through a gzip
// reader of one thread, every entry a regular file, with owner and times, and
// nothing verified. By path, where Wings opens the parent for each call again.
package main

import (
	"archive/tar"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/pgzip"
)

// What Wings copies through, here and for the SHA-1.
const piece = 4 << 10

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func add(out *tar.Writer, root, path string, buffer []byte) {
	info, err := os.Lstat(path)
	must(err)
	if !info.Mode().IsRegular() {
		return
	}
	header, err := tar.FileInfoHeader(info, "")
	must(err)
	header.Name, err = filepath.Rel(root, path)
	must(err)
	header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "", ""
	must(out.WriteHeader(header))
	if header.Size == 0 {
		return
	}
	file, err := os.Open(path)
	must(err)
	defer file.Close()
	_, err = io.CopyBuffer(out, io.LimitReader(file, header.Size), buffer)
	must(err)
}

// As the directory gives its entries, not sorted.
func walk(out *tar.Writer, root, at string, buffer []byte) {
	directory, err := os.Open(at)
	must(err)
	entries, err := directory.ReadDir(-1)
	must(err)
	must(directory.Close())
	for _, entry := range entries {
		path := filepath.Join(at, entry.Name())
		if entry.IsDir() {
			walk(out, root, path, buffer)
		} else {
			add(out, root, path, buffer)
		}
	}
}

func create(tree, archive string) {
	flags := os.O_RDWR | os.O_CREATE | os.O_TRUNC
	file, err := os.OpenFile(archive, flags, 0o600)
	must(err)
	zip, err := pgzip.NewWriterLevel(file, pgzip.BestSpeed)
	must(err)
	must(zip.SetConcurrency(1<<20, 1))
	out := tar.NewWriter(zip)
	buffer := make([]byte, piece)
	walk(out, tree, tree, buffer)
	must(out.Close())
	must(zip.Close())

	_, err = file.Seek(0, io.SeekStart)
	must(err)
	hash := sha1.New()
	// The struct hides what would read with another buffer.
	_, err = io.CopyBuffer(hash, struct{ io.Reader }{file}, buffer)
	must(err)
	must(file.Close())
	fmt.Printf("%x\n", hash.Sum(nil))
}

func write(path string, header *tar.Header, from io.Reader) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		must(err)
	}
	flags := os.O_RDWR | os.O_CREATE | os.O_TRUNC | syscall.O_NOFOLLOW
	mode := header.FileInfo().Mode().Perm()
	file, err := os.OpenFile(path, flags, mode)
	if errors.Is(err, fs.ErrNotExist) {
		must(os.MkdirAll(filepath.Dir(path), 0o755))
		file, err = os.OpenFile(path, flags, mode)
	}
	must(err)
	_, err = io.Copy(file, io.LimitReader(from, header.Size))
	must(err)
	must(os.Lchown(path, os.Getuid(), os.Getgid()))
	must(file.Close())
	must(os.Chtimes(path, header.ModTime, header.ModTime))
}

func extract(archive, directory string) {
	file, err := os.Open(archive)
	must(err)
	defer file.Close()
	zip, err := gzip.NewReader(file)
	must(err)
	in := tar.NewReader(zip)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		must(err)
		write(filepath.Join(directory, filepath.Join("/", header.Name)), header, in)
	}
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "-c" {
		create(os.Args[2], os.Args[3])
	} else if len(os.Args) == 4 && os.Args[1] == "-x" {
		extract(os.Args[2], os.Args[3])
	} else {
		fmt.Fprintln(os.Stderr, "wings: see its first lines")
		os.Exit(2)
	}
}
