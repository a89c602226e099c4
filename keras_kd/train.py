from keras_kd.commands.train import main

if __name__ == "__main__":
    main()
