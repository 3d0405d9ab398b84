module barewire/peers/go-nethttp

go 1.26
