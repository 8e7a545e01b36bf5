// Writes a tree the way stock Wings writes a backup: archive/tar into pgzip at
// its fastest, one block of 1 MiB at a time, no directories, no links, owner 0.
package main

import (
	"archive/tar"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/pgzip"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	root := os.Args[1]
	zip, err := pgzip.NewWriterLevel(os.Stdout, pgzip.BestSpeed)
	must(err)
	must(zip.SetConcurrency(1<<20, 1))
	out := tar.NewWriter(zip)
	must(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		must(err)
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		must(err)
		header, err := tar.FileInfoHeader(info, "")
		must(err)
		header.Name, err = filepath.Rel(root, path)
		must(err)
		header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "", ""
		must(out.WriteHeader(header))
		file, err := os.Open(path)
		must(err)
		defer file.Close()
		_, err = io.Copy(out, io.LimitReader(file, header.Size))
		return err
	}))
	must(out.Close())
	must(zip.Close())
}
